"""Plans follow from the seed, and hold some of everything."""

from __future__ import annotations

from chaos.plan import NEAR_SECONDS, SHARES, SIZES, Source, plan


def test_the_seed_decides() -> None:
    assert plan(1, 50, 60) == plan(1, 50, 60)
    assert plan(1, 50, 60) != plan(2, 50, 60)


def test_a_plan_holds_some_of_everything() -> None:
    jobs = plan(7, 200, 60)
    assert len({job.name for job in jobs}) == len({job.version for job in jobs}) == 200
    assert {job.source for job in jobs} == set(Source)
    assert [job.create_at for job in jobs] == sorted(job.create_at for job in jobs)
    assert 20 < sum(job.stop_after is not None for job in jobs) < 65
    assert 20 < sum(job.component for job in jobs) < 65
    assert 0 < sum(job.rival for job in jobs) < 30


def test_no_two_jobs_and_rivals_share_an_object() -> None:
    jobs = plan(7, 200, 60)
    versions = [version for job in jobs for version in (job.version, job.rival_version)]
    assert len(set(versions)) == len(versions)


def test_most_jobs_are_under_way_when_a_fault_comes() -> None:
    fault_times = [0.3, 20.0, 40.0]
    jobs = plan(7, 300, 60, fault_times)
    near = [job for job in jobs if any(fault - NEAR_SECONDS - 0.01 <= job.create_at <= fault for fault in fault_times)]
    assert 160 < len(near) < 250
    assert all(job.create_at >= 0 for job in jobs)
    assert [job.create_at for job in jobs] == sorted(job.create_at for job in jobs)
    assert [(job.name, job.source, job.stop_after) for job in jobs] == [
        (job.name, job.source, job.stop_after) for job in plan(7, 300, 60)
    ]


def test_the_tables_fit() -> None:
    assert sum(SHARES.values()) == 100
    assert set(SHARES) == set(Source)
    assert set(SIZES) == set(Source) - {Source.MISSING}
