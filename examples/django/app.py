# SPDX-License-Identifier: MIT
"""A Django project in one file, the same service as examples/flask."""
import os
import time

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path

GREETING = "Hello from gserve"

settings.configure(
    DEBUG=False, ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, SECRET_KEY="an example has no secrets",
    MIDDLEWARE=[f"{__name__}.name_the_worker", "django.middleware.common.CommonMiddleware"])


def name_the_worker(get_response):
    def answer(request):
        response = get_response(request)
        response.headers["X-Worker-Pid"] = str(os.getpid())
        return response

    return answer


def hello(request):
    return HttpResponse(f"{GREETING}! I am worker {os.getpid()}.\n", content_type="text/plain")


def slow(request):
    time.sleep(min(float(request.GET.get("s", "0.5")), 60))
    return HttpResponse("done\n", content_type="text/plain")


urlpatterns = [path("", hello), path("slow", slow)]

app = get_wsgi_application()
