"""What users import works with the versions that are installed: no resolver sees that it does not."""

import importlib
import pkgutil
import subprocess
import sys

import pytest
from prefect import flow, task

import flows
import sophia_metrics
import tasks


def modules_of(package):
    return [found.name for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")]


@pytest.mark.parametrize("name", [name for package in (sophia_metrics, tasks, flows) for name in modules_of(package)])
def test_every_module_can_be_imported(name):
    assert importlib.import_module(name)


def test_a_run_starts_without_what_only_some_settings_need():
    check = (
        "import sys; import flows.run_pipeline; "
        "print(sorted({'great_expectations', 'redis', 'sentence_transformers', 'snowflake'} & sys.modules.keys()))"
    )

    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


def test_prefects_server_application_can_be_made():
    """With a newer fastapi than prefect bears, every flow fails; importing prefect alone does not show it."""
    server = importlib.import_module("prefect.server.api.server")
    assert server.create_app(ephemeral=True).routes


@pytest.mark.prefect
def test_a_trivial_flow_runs_on_prefects_own_server(prefect_server):
    @task
    def one():
        return 1

    @flow
    def trivial():
        return one() + one()

    assert trivial() == 2
