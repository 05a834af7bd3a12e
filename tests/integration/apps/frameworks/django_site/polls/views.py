# SPDX-License-Identifier: MIT
from django import forms
from django.core.files.storage import default_storage
from django.db.models import F
from django.http import FileResponse, HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template import engines

from .models import Question

FORM = '<form method="post" enctype="multipart/form-data">{% csrf_token %}</form>'


def page(request, text):
    return HttpResponse(engines["django"].from_string(text).render({}, request))


def index(request):
    return JsonResponse({"questions": [question.text for question in Question.objects.order_by("id")]})


def detail(request, question_id):
    question = get_object_or_404(Question, pk=question_id)
    votes = {choice.text: choice.votes for choice in question.choice_set.order_by("id")}
    return page(request, f"{question.text}: {votes} {FORM}")


def vote(request, question_id):
    question = get_object_or_404(Question, pk=question_id)
    question.choice_set.filter(text=request.POST["choice"]).update(votes=F("votes") + 1)
    return redirect("detail", question_id=question.id)


class UploadForm(forms.Form):
    comment = forms.CharField()
    file = forms.FileField()


def upload(request):
    if request.method == "GET":
        return page(request, FORM)
    form = UploadForm(request.POST, request.FILES)
    if not form.is_valid():
        return JsonResponse(form.errors, status=400)
    file = form.cleaned_data["file"]
    name = default_storage.save(file.name, file)
    return JsonResponse({"name": name, "size": file.size, "comment": form.cleaned_data["comment"]})


def stream(request):
    return StreamingHttpResponse(f"line {number}\n" for number in range(1000))


def download(request):
    return FileResponse(open(__file__, "rb"), as_attachment=True)


def visits(request):
    request.session["visits"] = request.session.get("visits", 0) + 1
    return HttpResponse(str(request.session["visits"]))


def fail(request):
    raise RuntimeError("failed on purpose")
