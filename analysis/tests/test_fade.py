"""Intervals and fitted lines against numbers known by hand or from tables."""

import numpy as np
import pytest
from synthetic import cycles_table

from lrmkmc.fade import by_replica, fit_fade, mean_interval, t_quantile


@pytest.mark.parametrize(
    ("df", "table"),
    [
        (1, 12.7062),
        (2, 4.30265),
        (3, 3.18245),
        (7, 2.36462),
        (8, 2.30600),
        (15, 2.13145),
        (120, 1.97993),
    ],
)
def test_t_quantile_against_published_table(df: int, table: float) -> None:
    assert t_quantile(df) == pytest.approx(table, abs=6e-6 * table)


def test_t_quantile_refuses_no_freedom() -> None:
    with pytest.raises(ValueError, match="df >= 1"):
        t_quantile(0)


def test_mean_interval_by_hand() -> None:
    mean, error, half = mean_interval(
        np.array([[1.0, 2.0, 3.0], [5.0, np.nan, np.nan], [np.nan] * 3])
    )
    assert mean[:2].tolist() == [2.0, 5.0] and np.isnan(mean[2])
    assert error[0] == pytest.approx(1 / np.sqrt(3))
    assert half[0] == pytest.approx(4.30265 / np.sqrt(3), rel=1e-5)
    assert np.isnan(error[1:]).all() and np.isnan(half[1:]).all()


def test_fit_recovers_known_slopes() -> None:
    fit = fit_fade(cycles_table(replicas=3, cycles=8, fade_mV=12.0), first=2)
    assert fit is not None
    assert 1e3 * fit.slopes_V == pytest.approx([-10.0, -12.0, -14.0])
    assert fit.fade_mV == pytest.approx(12.0)
    assert fit.standard_error_mV == pytest.approx(2.0 / np.sqrt(3))
    assert fit.line(np.array([2.0, 8.0])) == pytest.approx([3.80 - 0.024, 3.80 - 0.096])


def test_cycles_before_first_do_not_count() -> None:
    table = cycles_table(replicas=2, cycles=6)
    table.loc[table["cycle"] == 1, "mean_discharge_voltage_V"] += 0.5
    late, early = fit_fade(table, first=2), fit_fade(table, first=1)
    assert late is not None and early is not None
    assert late.fade_mV == pytest.approx(12.0)
    assert early.fade_mV > 60.0


def test_one_replica_has_no_interval_and_one_cycle_no_fit() -> None:
    single = fit_fade(cycles_table(replicas=1, cycles=4), first=2)
    assert single is not None and np.isnan(single.half_width_mV)
    assert fit_fade(cycles_table(replicas=3, cycles=2), first=2) is None


def test_by_replica_orders_and_leaves_gaps() -> None:
    table = cycles_table(replicas=2, cycles=3).sample(frac=1.0, random_state=1)
    table = table[~((table["cycle"] == 3) & (table["replica"] == 1))]
    cycles, values = by_replica(table, "discharge_capacity_mAh_per_g")
    assert cycles.tolist() == [1, 2, 3]
    assert values[:, 0].tolist() == [292.0, 287.0, 282.0]
    assert np.isnan(values[2, 1])
