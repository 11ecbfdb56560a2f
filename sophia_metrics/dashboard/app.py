"""The routes: the page, its assets, and the API in the shapes that the Sophia AI dashboard reads."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import parse_qs

from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from pydantic import TypeAdapter
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware

from sophia_metrics.costs.budget_order import BudgetOrder
from sophia_metrics.costs.budgets import NotSetError, Period
from sophia_metrics.dashboard import answers
from sophia_metrics.dashboard.access import COOKIE, Access
from sophia_metrics.dashboard.alert_answers import cost_alerts, handled_alerts
from sophia_metrics.dashboard.guard import Guard
from sophia_metrics.dashboard.limits import BudgetLimits
from sophia_metrics.dashboard.overview import Overview
from sophia_metrics.dashboard.page import Page
from sophia_metrics.dashboard.service import Dashboard
from sophia_metrics.dashboard.shapes import (
    Advice,
    BudgetAnswer,
    BudgetTerms,
    CacheStats,
    CostAlert,
    HandledAlert,
    HealthAnswer,
    HeldBudgetAnswer,
    LlmStats,
    Performance,
    Severity,
    Shape,
)
from sophia_metrics.errors import ConfigurationError, SophiaError

__all__ = ["create_app"]

HTML, JSON = "text/html; charset=utf-8", "application/json"
FOREVER = "public, max-age=31536000, immutable"
ALWAYS_ASK = "private, no-cache"
MAX_FORM_BYTES = 4096
COMPRESS_FROM_BYTES = 1024
MAX_ALERTS = 1000
COST_ALERTS = TypeAdapter(tuple[CostAlert, ...])
ALERTS = TypeAdapter(tuple[HandledAlert, ...])
BUDGETS = TypeAdapter(tuple[HeldBudgetAnswer, ...])

Limit = Annotated[Decimal, Query(gt=0, lt=10**14, decimal_places=6, allow_inf_nan=False)]
AlertLimit = Annotated[int, Query(ge=1, le=MAX_ALERTS)]


def create_app(dashboard: Dashboard, access: Access, limits: BudgetLimits) -> FastAPI:
    """Return the application; its documentation pages, which need another host, are off."""
    app = FastAPI(title="Sophia Metrics", docs_url=None, redoc_url=None)
    app.add_middleware(GZipMiddleware, minimum_size=COMPRESS_FROM_BYTES)
    app.add_middleware(Guard, access=access)
    _add_errors(app)
    page = Page()
    _add_page(app, dashboard, page)
    _add_sign_in(app, access, page)
    _add_api(app, dashboard)
    _add_budgets(app, limits)
    return app


def _add_page(app: FastAPI, dashboard: Dashboard, page: Page) -> None:
    def overview(request: Request) -> Response:
        try:
            found = dashboard.overview()
        except SophiaError as error:
            return Response(page.nothing(str(error)), media_type=HTML, headers={"cache-control": "no-store"})
        return _answer(request, found, page.overview(found), HTML)

    def static(name: str) -> Response:
        asset = page.assets.get(name)
        if asset is None:
            raise HTTPException(404)
        return Response(asset.content, media_type=asset.media_type, headers={"cache-control": FOREVER})

    def health() -> dict[str, str]:
        return {"status": "ok"}

    app.get("/", include_in_schema=False)(overview)
    app.get("/static/{name}", include_in_schema=False)(static)
    app.get("/health", summary="This process answers.")(health)


def _add_sign_in(app: FastAPI, access: Access, page: Page) -> None:
    def form() -> Response:
        if access.token is None:
            return RedirectResponse("/", status_code=303)
        return Response(page.sign_in(is_wrong=False), media_type=HTML, headers={"cache-control": "no-store"})

    async def sign_in(request: Request) -> Response:
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_FORM_BYTES:
                raise HTTPException(413, "that is no token: a token is shorter")
        given = parse_qs(body.decode(errors="replace")).get("token", [""])[0].strip()
        if not access.is_token(given):
            return Response(page.sign_in(is_wrong=True), status_code=401, media_type=HTML)
        response = RedirectResponse("/", status_code=303)
        is_encrypted = request.url.scheme == "https"
        response.set_cookie(COOKIE, access.session, httponly=True, samesite="strict", secure=is_encrypted)
        return response

    app.get("/sign-in", include_in_schema=False)(form)
    app.post("/sign-in", include_in_schema=False)(sign_in)


def _add_api(app: FastAPI, dashboard: Dashboard) -> None:
    def add(path: str, shape: type[Shape], make: Callable[[Overview], Shape]) -> None:
        def get(request: Request) -> Response:
            found = dashboard.overview()
            return _answer(request, found, make(found).model_dump_json().encode(), JSON)

        app.get(path, response_model=shape, summary=shape.__doc__)(get)

    add("/api/v1/llm/stats", LlmStats, answers.llm_stats)
    add("/api/v1/llm/advice", Advice, answers.advice)
    add("/api/v1/performance", Performance, answers.performance)
    add("/api/cache/stats", CacheStats, answers.cache_stats)
    add("/api/v1/health", HealthAnswer, answers.health_answer)

    def about_cost(request: Request, limit: AlertLimit = 10, severity: Severity | None = None) -> Response:
        found = dashboard.overview()
        chosen = [each for each in cost_alerts(found, found.alerts) if severity in {None, each.severity}]
        return _answer(request, found, COST_ALERTS.dump_json(tuple(chosen[:limit])), JSON)

    def alerts(request: Request, limit: AlertLimit = 100, severity: Severity | None = None) -> Response:
        found = dashboard.overview()
        chosen = [each for each in found.alerts if severity in {None, each.severity}]
        return _answer(request, found, ALERTS.dump_json(handled_alerts(chosen[:limit])), JSON)

    def budgets(request: Request) -> Response:
        found = dashboard.overview()
        held = tuple(map(answers.held_budget, dashboard.budgets()))
        return _answer(request, found, BUDGETS.dump_json(held), JSON)

    app.get("/api/v1/budgets", response_model=tuple[HeldBudgetAnswer, ...], summary="Budgets that hold or will.")(
        budgets
    )
    app.get("/api/v1/llm/alerts", response_model=tuple[CostAlert, ...], summary="Alerts about cost.")(about_cost)
    app.get("/api/v1/alerts", response_model=tuple[HandledAlert, ...], summary="Alerts, and how they are handled.")(
        alerts
    )


def _add_budgets(app: FastAPI, limits: BudgetLimits) -> None:
    def set_budget(daily_budget: Limit | None = None, monthly_budget: Limit | None = None) -> BudgetAnswer:
        wanted: dict[Period, Decimal] = {}
        if daily_budget is not None:
            wanted["day"] = daily_budget
        if monthly_budget is not None:
            wanted["month"] = monthly_budget
        if not wanted:
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, "give daily_budget or monthly_budget, in dollars")
        return answers.budget_answer(limits.set(wanted))

    def put(name: str, terms: BudgetTerms) -> HeldBudgetAnswer:
        order = BudgetOrder(name, **{field: getattr(terms, field) for field in BudgetTerms.model_fields})
        try:
            wanted = limits.checked(order)
        except ConfigurationError as error:
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from error
        return answers.held_budget(limits.place(wanted))

    def delete(name: str) -> Response:
        try:
            limits.take_back(name)
        except NotSetError as error:
            return JSONResponse({"detail": str(error)}, status_code=HTTPStatus.NOT_FOUND)
        return Response(status_code=HTTPStatus.NO_CONTENT)

    app.post("/api/v1/llm/budget/set", summary="Set the budgets of all spend.")(set_budget)
    app.put("/api/v1/budgets/{name}", summary="Set a budget, from now on or from a later day.")(put)
    app.delete("/api/v1/budgets/{name}", status_code=HTTPStatus.NO_CONTENT, summary="Take a budget back.")(delete)


def _answer(request: Request, overview: Overview, body: bytes, media_type: str) -> Response:
    """Return the body, or 304 where the reader has it: its tag is the version and a hash of what is said of it."""
    tag = f'W/"v{overview.version}-{hashlib.sha256(body).hexdigest()[:16]}"'
    headers = {"etag": tag, "cache-control": ALWAYS_ASK}
    known = {each.strip() for each in request.headers.get("if-none-match", "").split(",")}
    if known & {tag, tag.removeprefix("W/"), "*"}:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=media_type, headers=headers)


def _add_errors(app: FastAPI) -> None:
    """Let every error be JSON that says what to do."""

    def unavailable(_request: Request, error: Exception) -> Response:
        return JSONResponse({"detail": str(error)}, status_code=503, headers={"retry-after": "60"})

    def wrong(_request: Request, error: Exception) -> Response:
        return JSONResponse({"detail": f"{_problems(error)}: correct the request"}, status_code=422)

    def not_served(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else HTTPStatus.INTERNAL_SERVER_ERROR
        said = error.detail if isinstance(error, HTTPException) else ""
        where = f"{request.url.path} is not here: the page is at /, and /openapi.json describes its API"
        return JSONResponse({"detail": where if status == HTTPStatus.NOT_FOUND else said}, status_code=status)

    app.exception_handler(SophiaError)(unavailable)
    app.exception_handler(RequestValidationError)(wrong)
    app.exception_handler(HTTPException)(not_served)


def _problems(error: Exception) -> str:
    """Say what is wrong with which part of a request; its values are not repeated."""
    problems: Sequence[Mapping[str, Any]] = error.errors() if isinstance(error, RequestValidationError) else ()
    return "; ".join(f"{'.'.join(str(part) for part in each['loc'])}: {each['msg']}" for each in problems)
