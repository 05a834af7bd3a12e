# SPDX-License-Identifier: MIT
"""What packaging/ and examples/ hand to other programs is accepted by them, and names what is there."""
import contextlib
import json
import os
import re
import shlex
import subprocess

import kubernetes_validate
import pytest
import yaml
from dockerfile_parse import DockerfileParser

from harness import web
from harness.box import APPS
from harness.process import GSERVE, SOURCE, clean_environment
from harness.waiting import bound, wait_for

PLAIN = APPS + "/plain"
METRIC = re.compile(r"\b((?:gserve|process)_[a-z_]+)\b")
KUBERNETES = "1.29.0"


def example(path):
    with open(os.path.join(SOURCE, path), encoding="utf-8") as file:
        return file.read()


def metrics_of(box):
    server = box.gserve("--admin", "127.0.0.1:0", workers=1, chdir=PLAIN)
    admin = server.log.wait(r"Admin address: (\S+)").group(1)
    text = web.request(admin, "/metrics").text
    return {line.split("{")[0].split(" ")[0] for line in text.splitlines() if not line.startswith("#")}


# --- Grafana ---
def expressions():
    board = json.loads(example("packaging/grafana/gserve.json"))
    queries = [variable["query"]["query"] for variable in board["templating"]["list"] if variable["type"] == "query"]
    queries += [note["expr"] for note in board["annotations"]["list"]]
    return queries + [target["expr"] for panel in board["panels"] for target in panel["targets"]]


def test_grafana_dashboard_asks_for_metrics_that_are_there(box):
    asked = {name for expression in expressions() for name in METRIC.findall(expression)}
    assert len(asked) > 10
    assert asked <= metrics_of(box)


def test_grafana_dashboard_has_a_place_for_each_panel():
    board = json.loads(example("packaging/grafana/gserve.json"))
    cells = [(x, y) for panel in board["panels"] for place in [panel["gridPos"]]
             for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])]
    assert len(cells) == len(set(cells)) and max(x for x, _ in cells) < 24
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    for expression in expressions():
        assert expression.count("(") == expression.count(")") and expression.count("{") == expression.count("}")


def test_every_metric_is_documented(box):
    assert {name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count") for name in metrics_of(box)} <= set(
        METRIC.findall(example("docs/observability.md")))


# --- HAProxy ---
def check_haproxy(path):
    done = subprocess.run(["/usr/sbin/haproxy", "-c", "-f", path], capture_output=True, text=True, timeout=bound(60))
    assert done.returncode == 0 and "WARNING" not in done.stderr, done.stdout + done.stderr


def test_haproxy_takes_its_configuration():
    check_haproxy(os.path.join(SOURCE, "examples/haproxy/haproxy.cfg"))


def test_haproxy_shows_metrics_only_and_sends_nobody_to_a_server_that_stops(box):
    server = box.gserve("--admin", "127.0.0.1:0", "--pre-stop-delay", "30", "--proxy-protocol", "v2", workers=1, chdir=PLAIN)
    admin = server.log.wait(r"Admin address: http://(\S+)").group(1)
    site, metrics = f"unix:{box.path('site')}", f"unix:{box.path('metrics')}"
    text = example("examples/haproxy/haproxy.cfg").replace("log /dev/log local0", "")
    for before, after in {"127.0.0.1:8000": server.address.removeprefix("http://"), "port 9000": f"port {admin.split(':')[1]}",
                          "127.0.0.1:9000": admin, "bind 127.0.0.1:8080": f"bind {site[5:]}",
                          "bind 127.0.0.1:9090": f"bind {metrics[5:]}", "maxconn 20000": "maxconn 100",
                          "inter 1s": "inter 100ms"}.items():
        assert before in text
        text = text.replace(before, after)
    process = subprocess.Popen(["/usr/sbin/haproxy", "-q", "-db", "-f", box.write("haproxy.cfg", text)])
    try:
        wait_for(lambda: os.path.exists(site[5:]) and os.path.exists(metrics[5:]), "HAProxy listens", 20)
        wait_for(lambda: web.request(site).status == 200, "the server is up", 20)
        assert web.request(metrics, "/metrics").status == 200
        assert web.request(metrics, "/status.json").status == 403
        server.send_signal(15)
        wait_for(lambda: web.request(site).status == 503, "the server is taken out while it serves on", 20)
        assert server.running()
    finally:
        process.terminate()
        process.wait(bound(20))
        for path in (site[5:], metrics[5:]):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
    assert server.stop(3) == 0


# --- Docker ---
def dockerfile():
    path = os.path.join(SOURCE, "examples/docker/Dockerfile")
    with open(path, "rb") as file:
        return DockerfileParser(fileobj=file, cache_content=True).structure


def last(instruction):
    return next(each["value"] for each in reversed(dockerfile()) if each["instruction"] == instruction)


def test_dockerfile_builds_with_what_dev_installs():
    packages = re.search(r"^packages=\((.*?)^\)", example("dev"), re.MULTILINE | re.DOTALL).group(1).split()
    first = next(each["value"] for each in dockerfile() if each["instruction"] == "RUN")
    wanted = re.search(r"--no-install-recommends (.*?) &&", first).group(1).split()
    assert set(wanted) <= set(packages)
    assert {name for name in packages if re.match(r"lib\w.*-dev$", name)} - {"libclang-rt-14-dev"} <= set(wanted)


def test_dockerfile_runs_without_root_and_its_command_is_one_that_gserve_takes(box):
    assert last("USER") != "root"
    command = json.loads(last("ENTRYPOINT")) + json.loads(last("CMD"))
    assert command[0] == "/usr/bin/gserve"
    arguments = [box.python if word == "/srv/venv/bin/python3" else word for word in command[1:]]
    done = subprocess.run([GSERVE, *arguments, "--check-config", "--chdir", PLAIN], env=clean_environment(), cwd=box.base,
                          capture_output=True, text=True, timeout=bound(60))
    assert done.returncode == 0, done.stderr
    assert "--admin" in arguments and shlex.join(arguments)


# --- Kubernetes ---
def manifests():
    return {each["kind"]: each for each in yaml.safe_load_all(example("examples/kubernetes/gserve.yaml"))}


@pytest.mark.parametrize("kind", ["Deployment", "ConfigMap", "Service", "PodDisruptionBudget", "HorizontalPodAutoscaler"])
def test_manifest_follows_its_schema(kind):
    kubernetes_validate.validate(manifests()[kind], KUBERNETES, strict=True)


def test_manifests_fit_each_other(box):
    every = manifests()
    pod = every["Deployment"]["spec"]["template"]
    labels = pod["metadata"]["labels"]
    for selector in (every["Deployment"]["spec"]["selector"]["matchLabels"], every["Service"]["spec"]["selector"],
                     every["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"]):
        assert selector == labels
    volumes = {volume["name"] for volume in pod["spec"]["volumes"]}
    ports = set()
    for container in pod["spec"]["containers"]:
        assert {mount["name"] for mount in container["volumeMounts"]} <= volumes
        ports |= {port["name"] for port in container["ports"]}
    assert {port["targetPort"] for port in every["Service"]["spec"]["ports"]} <= ports
    scaler = every["HorizontalPodAutoscaler"]["spec"]
    assert scaler["scaleTargetRef"]["name"] == every["Deployment"]["metadata"]["name"]
    assert {metric["pods"]["metric"]["name"] for metric in scaler["metrics"]} <= metrics_of(box)
    check_haproxy(box.write("haproxy.cfg", every["ConfigMap"]["data"]["haproxy.cfg"]))


def test_pod_has_time_to_stop():
    pod = manifests()["Deployment"]["spec"]["template"]["spec"]
    shop = pod["containers"][0]
    drain = int(shop["args"][shop["args"].index("--graceful-timeout") + 1])
    pause = int(shop["lifecycle"]["preStop"]["exec"]["command"][1])
    assert pod["terminationGracePeriodSeconds"] > drain + pause


@pytest.mark.parametrize("probe, path", [("startupProbe", "/readyz"), ("readinessProbe", "/readyz"), ("livenessProbe", "/livez")])
def test_probe_asks_the_admin_address_and_fails_when_it_says_no(box, probe, path):
    command = manifests()["Deployment"]["spec"]["template"]["spec"]["containers"][0][probe]["exec"]["command"]
    assert f"http://127.0.0.1:9000{path}" in command[-1]
    server = box.gserve("--admin", "127.0.0.1:0", "--pre-stop-delay", "60", workers=1, chdir=PLAIN)
    admin = server.log.wait(r"Admin address: (\S+)").group(1)
    argv = [*command[:-1], command[-1].replace("http://127.0.0.1:9000", admin)]

    def probed():
        return subprocess.run(argv, capture_output=True, timeout=bound(20)).returncode

    assert probed() == 0
    server.send_signal(15)
    server.log.wait("serving on for")
    assert (probed() == 0) == (path == "/livez")
    assert server.stop(3) == 0
