"""Where a job computes, by what it was given."""

from types import SimpleNamespace

import pytest

from dina.stage import Job


def job(device, **resources):
    return Job(SimpleNamespace(params=SimpleNamespace(device=device), wildcards={}, log=["log"], resources=resources))


@pytest.mark.parametrize(
    ("device", "with_gpu", "without"),
    [("auto", "cuda", "auto"), ("cuda", "cuda", "auto"), ("cpu", "cpu", "cpu"), ("mps", "mps", "mps")],
)
def test_a_job_with_a_gpu_takes_no_other_device_and_one_without_asks_for_none(device, with_gpu, without):
    assert job(device, gpu=1).device == with_gpu
    assert job(device, gpu=0).device == job(device).device == without
