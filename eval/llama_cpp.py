#!/usr/bin/env python3
"""Questions to a real llama.cpp server: llama_cpp.py PACIOLI MODEL.gguf

Serves the model with llama.cpp (xllamacpp from PyPI, installed once into the tools cache), starts Pacioli with
`language.llm_base_url` set to it, loads the demo company, and asks what the rules refuse. Prints what became of each
question, and what the server was asked. No part of `make test`: the weights are large.
"""

import contextlib
import pathlib
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "deploy" / "tests"))

from programs import PASSWORD, TOOLS, Client, Folder, Pacioli, Program, free_port, is_open, wait_until  # noqa: E402

VERSION = "2026.10.11549"
# Seconds for one reading: a machine of two cores reads a long description of tables for a minute.
DEADLINE = 300
# In words that no table, column or value of the demo company has, so that the rules refuse them.
QUESTIONS = [
    "what does each region bring home",
    "who are our five keenest buyers",
    "which goods fly off the shelves most",
    "how much dosh came in from Germany",
    "how many folks buy from us in each country",
]
SERVE = """
import sys, time, xllamacpp
options = xllamacpp.CommonParams()
options.model.path, options.port = sys.argv[1], int(sys.argv[2])
options.n_ctx, options.n_parallel = 16384, 1
server = xllamacpp.Server(options)
while True:
    time.sleep(3600)
"""


def python():
    """An interpreter that has llama.cpp."""
    venv = TOOLS / "llama-cpp"
    if not (venv / VERSION).exists():
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        subprocess.run([venv / "bin/pip", "install", "--quiet", f"xllamacpp=={VERSION}"], check=True)
        (venv / VERSION).touch()
    return venv / "bin/python"


def asked(client, question):
    # A token may not outlive a slow answer.
    client.token = client.post("/auth/login", {"username": client.email, "password": PASSWORD}).json["access_token"]
    began = time.monotonic()
    sent = client.ask(question, timeout=2 * DEADLINE)
    assert sent.status == 200, (sent.status, sent.body)
    answer = sent.json
    rows = "; ".join(" / ".join(map(str, row)) for row in answer["rows"][:3])
    what = f"{answer['row_count']} rows: {rows}" if answer["status"] == "answered" else answer["answer"]
    print(f"- {question}\n  {answer['status']}, {answer['source']}, {time.monotonic() - began:.0f} s: {what}\n  {answer['sql']}", flush=True)
    return answer["source"] == "model"


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    binary, model = (pathlib.Path(argument).resolve() for argument in sys.argv[1:])
    with contextlib.closing(Folder()) as folder:
        port = free_port()
        llama = folder.run(Program([python(), "-c", SERVE, model, port], folder.path, "llama"))
        wait_until(lambda: is_open(port) or llama.process.poll() is not None, seconds=120, what="llama.cpp")
        assert llama.process.poll() is None, llama.text()
        # Longer than any request may take otherwise.
        server = folder.run(Pacioli(folder.path, "pacioli", {
            "PACIOLI_LANGUAGE__LLM_BASE_URL": f"http://127.0.0.1:{port}/v1", "PACIOLI_LANGUAGE__LLM_MODEL": model.name,
            "PACIOLI_LANGUAGE__LLM_DEADLINE_SECONDS": str(DEADLINE), "PACIOLI_SERVER__REQUEST_TIMEOUT_SECONDS": str(2 * DEADLINE),
        }, binary=binary))
        owner = Client(server.url).sign_up()
        demo = folder.path / "demo"
        subprocess.run([binary, "demo", demo, "--scale", "0.05"], check=True, stdout=subprocess.DEVNULL)
        for file in sorted(demo.glob("*.csv")):
            owner.upload(file.name, file.read_bytes(), timeout=300)
        by_model = sum(asked(owner, question) for question in QUESTIONS)
        print(f"\n{by_model} of {len(QUESTIONS)} answered as the model read them")
        print("\n".join(line for line in server.metrics().splitlines() if line.startswith(("pacioli_model_requests", "pacioli_model_readings", "pacioli_model_tokens"))))
        refusals = [line for line in llama.text().splitlines() if "response_format" in line or "error" in line.lower()]
        print("llama.cpp complained of nothing" if not refusals else "\n".join(refusals[:10]))


if __name__ == "__main__":
    main()
