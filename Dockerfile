# Builds the wheel, installs it beside nothing else, runs it as nobody in particular.

FROM python:3.13-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY proxy proxy
COPY config config
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheel . \
    && python -m venv --without-pip /opt/llm-triage \
    && pip --python /opt/llm-triage/bin/python install --no-cache-dir "$(echo /wheel/*.whl)[redis,codings]"

FROM python:3.13-slim
COPY --from=build /opt/llm-triage /opt/llm-triage
ENV PATH=/opt/llm-triage/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    LLM_TRIAGE_LISTEN=0.0.0.0:8080 \
    LLM_TRIAGE_ADMIN=0.0.0.0:8081
# A number, so that Kubernetes can tell that it is not root.
USER 10001:10001
WORKDIR /
EXPOSE 8080 8081
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ['LLM_TRIAGE_ADMIN'].rpartition(':')[2] + '/healthz', timeout=2)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["llm-triage"]
CMD ["serve"]
