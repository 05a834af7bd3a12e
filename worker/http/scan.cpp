// SPDX-License-Identifier: MIT
#include "worker/http/scan.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include <bit>

#include "worker/http/tokens.h"

namespace gserve::http {
namespace {

#if defined(__SSE2__)
/// One bit for each of the 16 bytes at `data`: set if it is a control character other than HTAB.
unsigned control_mask(const char* data) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(data));
  const __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
  const __m128i tab = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\t'));
  const __m128i del = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f));
  return static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(_mm_andnot_si128(tab, low), del)));
}
#endif

}  // namespace

std::size_t find_control(std::string_view text, std::size_t from) {
  std::size_t at = from;
#if defined(__SSE2__)
  for (; at + 16 <= text.size(); at += 16) {
    const unsigned mask = control_mask(text.data() + at);
    if (mask != 0) return at + static_cast<std::size_t>(std::countr_zero(mask));
  }
#endif
  while (at < text.size() && !is_forbidden_control(text[at])) ++at;
  return at;
}

}  // namespace gserve::http
