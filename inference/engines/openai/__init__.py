"""The engine `openai`: a server that the host runs already (vLLM, llama-server, Ollama, …).

The modules, each with one subject:

    engine          OpenAIEngine, the promise of `inference.engines.base.Engine`
    connection      the pool of HTTP connections, its limits, and the event loop that drives it
    discovery       which server it is and which models it serves
    dialects        what the servers call the same things. Pure
    requests        the JSON body of a request, without the fields that a server has refused
    chat            a list of chat messages as one prompt text. Pure
    counting        tokens of a text, counted by the server or estimated
    streaming       one reply: its stream, deadlines, retries and end
    sse             server-sent events. Pure
    thinking        removes `<think>…</think>` from streamed text. Pure
    errors          error messages for players and hosts
    context_check   whether the server reads a full context
"""

from inference.engines.openai.engine import OpenAIEngine, load

__all__ = ["OpenAIEngine", "load"]
