# SPDX-License-Identifier: MIT
from django.conf import settings
from django.contrib import admin
from django.urls import path
from django.views.static import serve
from polls import views

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", views.index),
    path("<int:question_id>/", views.detail, name="detail"),
    path("<int:question_id>/vote/", views.vote, name="vote"),
    path("upload/", views.upload),
    path("stream/", views.stream),
    path("download/", views.download),
    path("visits/", views.visits),
    path("fail/", views.fail),
    path("media/<path:path>", serve, {"document_root": settings.MEDIA_ROOT}),
]
