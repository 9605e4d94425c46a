"""Answers with what machine it runs on and with results that native code computed there."""

import hashlib
import platform
import sys

import orjson
import pydantic_core
from fastapi import FastAPI, Response
from pydantic import BaseModel, ValidationError

app = FastAPI(title="anyarch example")


class Order(BaseModel):
    item: str
    count: int


@app.get("/")
def about() -> Response:
    body = {
        "machine": platform.machine(),
        "python": sys.version.split()[0],
        "pydantic_core": pydantic_core.__version__,
        # Encoded by Rust: the digest is the same on every platform, or something is very wrong.
        "orjson": hashlib.sha256(orjson.dumps({"π": 3.141592653589793, "n": list(range(5))})).hexdigest(),
    }
    return Response(orjson.dumps(body), media_type="application/json")


@app.post("/orders")
def order(text: str) -> dict[str, object]:
    try:
        parsed = Order.model_validate_json(text)
    except ValidationError as error:
        return {"accepted": False, "errors": error.error_count()}
    return {"accepted": True, "item": parsed.item, "count": parsed.count}
