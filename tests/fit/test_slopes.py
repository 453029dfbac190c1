"""Jacobians of residuals from the derivatives of quantities, against differences."""

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from cohobate.core.errors import BadOutput, UserError
from cohobate.fit.losses import RHO
from cohobate.fit.objective import CombinedObjective
from cohobate.fit.term import Term

GRID = np.linspace(0.8, 2.0, 4)
PARAMS = {"Ar": {"epsilon": 0.5, "sigma": 1.1}, "shift": 0.3}


def curve(p):
    return p["Ar"]["epsilon"] * np.exp(-GRID / p["Ar"]["sigma"]) + p["shift"]


def curve_slopes(p):
    ratio = np.exp(-GRID / p["Ar"]["sigma"])
    return {
        "Ar.epsilon": ratio,
        "Ar": {"sigma": p["Ar"]["epsilon"] * ratio * GRID / p["Ar"]["sigma"] ** 2},
        "shift": np.ones(4),
    }


def two(shift):
    return {"a": shift**2, "b": [shift, 3 * shift]}


def check(objective, names=("Ar.epsilon", "Ar.sigma", "shift")):
    def residuals(x):
        values = dict(zip(names, x, strict=True))
        nested = {"Ar": {"epsilon": values["Ar.epsilon"], "sigma": values["Ar.sigma"]}, "shift": values["shift"]}
        return objective.residuals(nested)

    numeric = approx_fprime(np.array([0.5, 1.1, 0.3]), residuals, 1e-7)
    assert objective.jacobian(PARAMS) == pytest.approx(numeric, rel=1e-4, abs=1e-5)
    assert objective.jacobian(PARAMS, ["shift", "Ar.sigma"]) == pytest.approx(numeric[:, [2, 1]], rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("loss", RHO)
def test_jacobian_of_nested_parameters_weights_sigmas_and_losses(loss):
    terms = [
        Term(curve, [0.1, 0.2, 3.0, 0.4], sigma=[0.1, 0.2, 0.3, 0.4], weight=2.0, loss=loss, jac=curve_slopes),
        Term(two, {"a": 1.0, "b": [1.0, 2.0]}, jac=lambda shift: {"shift": {"a": 2 * shift, "b": [1, 3]}}, loss=loss),
    ]
    check(CombinedObjective([CombinedObjective(terms, [3.0, 0.5], reduce="mean")], [2.0]))
    check(CombinedObjective(terms, reduce="root_mean"))


@pytest.mark.parametrize(
    "jac",
    [
        lambda shift: {"shift": {"a": 2 * shift, "b": [1.0, 3.0]}},
        lambda shift: {"a": {"shift": 2 * shift}, "b": {"shift": np.array([1.0, 3.0])}},
        lambda shift: {"a.shift": 2 * shift, "shift.b": (1, 3)},
    ],
)
def test_quantities_may_stand_before_or_behind_the_parameters(jac):
    objective = CombinedObjective([Term(two, {"b": [0.0, 0.0], "a": 1.0}, jac=jac)])
    assert objective.jacobian(PARAMS, ["shift"]).ravel().tolist() == [1.0, 3.0, 0.6]


def test_inputs_are_passed_and_copies_are_given():
    def model(p, scale):
        return p["shift"] * scale

    def slope(p, scale):
        p["shift"] = None
        return {"shift": scale}

    objective = CombinedObjective([Term(model, 0.0, inputs={"scale": 4.0}, jac=slope)])
    assert objective.jacobian(PARAMS).tolist() == [[0.0, 0.0, 4.0]]
    assert PARAMS["shift"] == 0.3


@pytest.mark.parametrize(
    ("jac", "message"),
    [
        (lambda shift: {"shft": 1.0}, r"jac must name parameters, .* there is no 'shft'; did you mean 'shift'"),
        (lambda shift: 1.0, "jac must name parameters, .* there is no 'value'"),
        (lambda shift: {}, "jac says nothing of 'shift', which the quantity uses"),
        (lambda shift: {"shift": [1.0, 2.0]}, r"'d value / d shift' must have the shape \(\), got \(2,\)"),
        (lambda shift: {"shift": float("nan")}, "'d value / d shift' must be finite, got nan"),
    ],
)
def test_wrong_derivatives_are_refused(jac, message):
    objective = CombinedObjective([Term(lambda shift: shift, 0.0, name="t", jac=jac)])
    with pytest.raises(BadOutput, match=f"^term 't': {message}"):
        objective.jacobian(PARAMS)


def test_what_there_is_no_jacobian_of():
    with pytest.raises(UserError, match=r"these terms have no jac: \['two'\]"):
        CombinedObjective([Term(two, 1.0, read="a")]).jacobian(PARAMS)
    absolute = CombinedObjective([Term(lambda shift: shift, 0.3, loss="absolute", jac=lambda shift: {"shift": 1.0})])
    with pytest.raises(BadOutput, match="no slope where r is 0"):
        absolute.jacobian(PARAMS)
    with pytest.raises(UserError, match="no parameter 'shft'; did you mean 'shift'"):
        absolute.jacobian(PARAMS, ["shft"])


def test_what_jac_raises_names_the_term():
    def broken(shift):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as found:
        CombinedObjective([Term(lambda shift: shift, 0.0, name="t", jac=broken)]).jacobian(PARAMS)
    assert found.value.__notes__ == ["in term 't' of the objective"]


def test_derivatives_by_torch():
    torch = pytest.importorskip("torch")

    def energy(p):
        return {"e": p["Ar"]["epsilon"] * torch.exp(-p["Ar"]["sigma"]), "f": torch.stack([p["shift"] ** 2, p["shift"]])}

    def tensors(p):
        return {k: tensors(v) if isinstance(v, dict) else torch.tensor(v, dtype=torch.float64) for k, v in p.items()}

    term = Term(
        lambda p: energy(tensors(p)),
        {"e": 1.0, "f": [1.0, 2.0]},
        sigma=0.1,
        jac=lambda p: torch.func.jacrev(energy)(tensors(p)),
    )
    check(CombinedObjective([term]))
