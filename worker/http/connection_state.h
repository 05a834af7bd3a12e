// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace gserve::http {

/// The life of one HTTP/1.1 connection, as a pure state machine: no socket, no clock. The I/O thread reports
/// what happened and does what the returned action says. Every change of phase happens in here.
///
///   fresh      accepted, no byte yet                                        timer: header
///   idle       kept alive, between two requests                             timer: keep-alive
///   head       a head has begun to arrive                                   timer: header (fresh's goes on)
///   body       the head is complete, its body is being gathered             timer: body
///   running    an executor owns the exchange: it may be marked, not closed  timer: none
///   flushing   the answer is complete, some of it may be unsent             timer: write
///   lingering  our side is shut; input is thrown away, so that the client
///              can read the answer before a reset (RFC 9112, 9.6)           timer: linger
///   closed     the end
enum class ConnectionPhase : std::uint8_t { fresh, idle, head, body, running, flushing, lingering, closed };

/// What happens once an answer is flushed.
enum class Ending : std::uint8_t {
  keep,    // the next request may follow
  close,   // nothing unread: close at once
  linger,  // something is or may be unread: shut down, discard input, close
  cut,     // the answer is not whole: reset, so that the client can tell
};

enum class ConnectionTimer : std::uint8_t { none, header, body, keep_alive, write, linger };

class ConnectionState {
 public:
  enum class Action : std::uint8_t {
    none,
    next_request,    // forget the request and look at the input that follows it
    answer_timeout,  // answer 408, then report refused()
    mark_gone,       // tell the executor that owns the exchange; nothing more
    shut_down,       // shut the sending side, go on reading
    close,
    reset,  // close so that the client sees a reset
  };

  ConnectionPhase phase() const { return phase_; }
  Ending ending() const { return ending_; }
  /// The timer that runs in this phase.
  ConnectionTimer timer() const;

  void bytes_received();                // the first bytes of a head, or more of them
  void body_expected();                 // the head is complete, its body is not
  void request_handed();                // to an executor
  void answered(Ending ending);         // the executor is done with the exchange
  void refused();                       // an error answer was made without an executor
  [[nodiscard]] Action flushed();       // nothing of the answer is unsent
  [[nodiscard]] Action timed_out();     // the phase's timer ran out (in running: the body's)
  [[nodiscard]] Action end_of_input();  // the client sent FIN: no disconnect while an answer is owed
  [[nodiscard]] Action reset();         // the client is gone
  [[nodiscard]] Action abandoned();     // we give it up: stop, the end of a drain's grace
  void closed() { phase_ = ConnectionPhase::closed; }

 private:
  Action close_unless_owned();

  ConnectionPhase phase_ = ConnectionPhase::fresh;
  Ending ending_ = Ending::keep;
};

}  // namespace gserve::http
