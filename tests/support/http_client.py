"""What a running pipeline shows over HTTP, and what Prometheus' own parsers make of its metrics."""
import http.client
import json

import vigil
from vigil import check

OPENMETRICS = "application/openmetrics-text; version=1.0.0"
TOKEN = "0123456789abcdef-of-a-test"


def settings(listen="127.0.0.1:0", **more):
    """`service.http` on a port that is free."""
    return {"listen": listen, **more}


class Server:
    """The server of a Live run, which says where it listens."""

    def __init__(self, run):
        self.run = run
        self.port = int(run.wait_line(b"listens at ").rsplit(b":", 1)[1])

    def ask(self, path, method="GET", body=None, **headers):
        """Status, headers and text of one request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body, {k.replace("_", "-"): v
                                                    for k, v in headers.items()})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read().decode()
        except ConnectionRefusedError as why:
            raise vigil.Failed(f"{why} by the pipeline, which said {self.run.said[-2000:]}") from why
        finally:
            connection.close()

    def page(self, path, **headers):
        status, _, text = self.ask(path, **headers)
        check(status == 200, f"{path}: {status}: {text}")
        return text

    def ready(self):
        """None, or the reasons why it is not, as far as a stranger may know them."""
        status, _, text = self.ask("/readyz", Accept="application/json")
        answer = json.loads(text)
        check(answer["ok"] == (status == 200), f"{status}: {text}")
        return None if answer["ok"] else answer["reasons"] or ["not told"]

    def metrics(self):
        """{(name, sorted labels): value} of the page, which both parsers must take alike."""
        try:
            from prometheus_client.openmetrics import parser as openmetrics
            from prometheus_client import parser as plain
        except ImportError:
            vigil.skip("python3-prometheus-client is not installed")
        names, pages = [], []
        for parse, accept in ((plain, "text/plain"), (openmetrics, OPENMETRICS)):
            text = self.page("/metrics", Accept=accept)
            families = list(parse.text_string_to_metric_families(text))
            names.append([f.name for f in families])
            pages.append({(s.name, *sorted(s.labels.items())): s.value
                          for f in families for s in f.samples})
        check(names[0] == names[1], f"families differ: {names}")
        return pages[1]


def value(metrics, name, **labels):
    key = (name, *sorted(labels.items()))
    check(key in metrics, f"no {key}; there are {[k for k in metrics if k[0] == name]}")
    return metrics[key]
