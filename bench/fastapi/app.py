"""The original's stack, written as its tutorials write it: FastAPI, Uvicorn, Motor, passlib with
bcrypt, python-jose, with the original's middleware for logging and errors. It does less than
Pacioli: no revocation, no limits, no metrics.

MONGODB_URI says where the users are, JWT_SECRET what tokens are signed with, BCRYPT_COST the cost.
With LEAN set there is no middleware, which is as fast as this stack gets.
"""

import logging
import os
import time
from contextlib import asynccontextmanager
from datetime import datetime, timedelta, timezone
from typing import Annotated
from uuid import uuid4

from fastapi import Depends, FastAPI, HTTPException, Request, status
from fastapi.responses import JSONResponse
from fastapi.security import OAuth2PasswordBearer, OAuth2PasswordRequestForm
from jose import JWTError, jwt
from motor.motor_asyncio import AsyncIOMotorClient
from passlib.context import CryptContext
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

SECRET = os.environ["JWT_SECRET"]
LIFETIME = timedelta(minutes=15)
passwords = CryptContext(schemes=["bcrypt"], bcrypt__rounds=int(os.environ["BCRYPT_COST"]))
bearer = OAuth2PasswordBearer(tokenUrl="auth/login")


@asynccontextmanager
async def lifespan(app: FastAPI):
    client = AsyncIOMotorClient(os.environ["MONGODB_URI"])
    app.state.users = client["fastapi_bench"]["users"]
    await app.state.users.create_index("email", unique=True)
    yield
    client.close()


app = FastAPI(lifespan=lifespan)
logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
log = logging.getLogger("app")


async def answer_errors(request: Request, call_next):
    try:
        return await call_next(request)
    except Exception:
        log.exception("%s %s failed", request.method, request.url.path)
        return JSONResponse({"detail": "Internal server error"}, 500)


async def log_requests(request: Request, call_next):
    begin = time.perf_counter()
    response = await call_next(request)
    took = (time.perf_counter() - begin) * 1e3
    log.info("%s %s %d %.1f ms", request.method, request.url.path, response.status_code, took)
    return response


if not os.environ.get("LEAN"):
    app.middleware("http")(answer_errors)
    app.middleware("http")(log_requests)


class SignUp(BaseModel):
    full_name: str
    email: str
    password: str
    company_name: str


class Tokens(BaseModel):
    access_token: str
    token_type: str = "bearer"


class WhoAmI(BaseModel):
    message: str
    user_id: str
    email: str
    role: str
    company_id: str


def unauthorized() -> HTTPException:
    headers = {"WWW-Authenticate": "Bearer"}
    return HTTPException(status.HTTP_401_UNAUTHORIZED, "Could not validate credentials", headers)


def issue(user: dict) -> Tokens:
    now = datetime.now(timezone.utc)
    claims = {
        "iss": "pacioli",
        "aud": "pacioli",
        "sub": user["_id"],
        "company": user["company_id"],
        "role": user["role"],
        "name": user["full_name"],
        "email": user["email"],
        "iat": now,
        "exp": now + LIFETIME,
    }
    return Tokens(access_token=jwt.encode(claims, SECRET, algorithm="HS256"))


async def claims(token: Annotated[str, Depends(bearer)]) -> dict:
    try:
        return jwt.decode(token, SECRET, algorithms=["HS256"], audience="pacioli", issuer="pacioli")
    except JWTError as error:
        raise unauthorized() from error


async def user_of_form(request: Request, form: OAuth2PasswordRequestForm) -> dict:
    user = await request.app.state.users.find_one({"email": form.username})
    if user is None:
        raise unauthorized()
    return user


@app.get("/healthz")
async def healthz() -> dict:
    return {"status": "ok"}


@app.post("/auth/signup", status_code=status.HTTP_201_CREATED)
async def sign_up(request: Request, given: SignUp) -> Tokens:
    number = str(uuid4())
    user = {
        "_id": number,
        "full_name": given.full_name,
        "email": given.email,
        "password_hash": await run_in_threadpool(passwords.hash, given.password),
        "role": "superuser",
        "company_id": number,
        "created_at": datetime.now(timezone.utc),
    }
    await request.app.state.users.insert_one(user)
    return issue(user)


@app.post("/auth/login")
async def log_in(request: Request, form: Annotated[OAuth2PasswordRequestForm, Depends()]) -> Tokens:
    user = await user_of_form(request, form)
    if not await run_in_threadpool(passwords.verify, form.password, user["password_hash"]):
        raise unauthorized()
    return issue(user)


@app.post("/auth/login-on-the-loop")
async def log_in_on_the_loop(
    request: Request, form: Annotated[OAuth2PasswordRequestForm, Depends()]
) -> Tokens:
    """The same as many write it: bcrypt on the event loop, where it stops everything else."""
    user = await user_of_form(request, form)
    if not passwords.verify(form.password, user["password_hash"]):
        raise unauthorized()
    return issue(user)


@app.get("/auth/protected-route")
async def who_am_i(token: Annotated[dict, Depends(claims)]) -> WhoAmI:
    return WhoAmI(
        message=f"Hello, {token['name']}",
        user_id=token["sub"],
        email=token["email"],
        role=token["role"],
        company_id=token["company"],
    )


@app.get("/auth/protected-route/reading-the-user")
async def who_am_i_by_the_book(
    request: Request, token: Annotated[dict, Depends(claims)]
) -> WhoAmI:
    """The same with the user read from MongoDB, which is the only revocation such servers have."""
    user = await request.app.state.users.find_one({"_id": token["sub"]})
    if user is None:
        raise unauthorized()
    return WhoAmI(
        message=f"Hello, {user['full_name']}",
        user_id=user["_id"],
        email=user["email"],
        role=user["role"],
        company_id=user["company_id"],
    )
