"""Outside accounts: the list, adding one, and a page per source."""

from flask import Blueprint, make_response, render_template
from werkzeug.wrappers import Response as BaseResponse

blueprint = Blueprint("accounts", __name__, url_prefix="/mail/accounts")


@blueprint.get("/")
def index() -> BaseResponse:
    return make_response(render_template("accounts/index.html", section="accounts"))


@blueprint.get("/add")
def add() -> BaseResponse:
    return make_response(render_template("accounts/index.html", section="accounts"))
