"""Batches: what goes in comes out, in any order, whatever it is."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cohobate.core.errors import UserError
from cohobate.dynamics.data.batch import Batch, joined
from cohobate.dynamics.data.fields import STANDARD, Field
from dynamics.data.batches import batches, different


def atom(**given: object) -> dict[str, object]:
    return {"numbers": [18], "positions": [[0.0, 0.0, 0.0]], **given}


def water(**given: object) -> dict[str, object]:
    return {"numbers": [8, 1, 1], "positions": [[0, 0, 0], [0, 0.76, 0.59], [0, -0.76, 0.59]], **given}


@given(batches(least=1))
def test_split_and_joined_is_the_same(batch: Batch):
    parts = batch.split()
    assert [len(part) for part in parts] == [1] * len(batch)
    assert different(joined(parts), batch) == []
    again = parts[0]
    for part in parts[1:]:
        again = again.append(part)
    assert different(again, batch) == []


@given(batches(), st.randoms(use_true_random=False))
def test_a_permutation_and_its_inverse_is_the_same(batch: Batch, random):
    order = random.sample(range(len(batch)), len(batch))
    back = [order.index(row) for row in range(len(batch))]
    turned = batch.select(order)
    assert turned["id"].tolist() == [batch["id"].tolist()[row] for row in order]
    assert different(turned.select(back), batch) == []
    assert different(turned.select(turned.find(batch["id"].tolist())), batch) == []


@given(batches(), st.data())
def test_some_and_the_others_are_all(batch: Batch, data):
    mask = torch.tensor(data.draw(st.lists(st.booleans(), min_size=len(batch), max_size=len(batch))), dtype=torch.bool)
    some, others = batch.select(mask), batch.trim(mask)
    assert len(some) + len(others) == len(batch)
    both = some.append(others)
    assert different(both.select(both.find(batch["id"].tolist())), batch) == []
    assert different(batch.empty_like().append(batch), batch) == []


@given(batches(least=1))
def test_what_is_made_of_a_batch_shares_nothing_with_it(batch: Batch):
    before = batch.copy()
    for made in (batch.select([0]), batch.copy(), batch.append(batch.empty_like()), batch.to("cpu"), joined([batch])):
        for name in made:
            made[name].zero_()
        assert different(batch, before) == []


@given(batches())
def test_a_pickled_batch_is_the_same(batch: Batch):
    assert different(pickle.loads(pickle.dumps(batch)), batch) == []


@given(batches(least=1))
def test_a_field_that_some_lack_is_filled_there(batch: Batch):
    kind = Field("atom", (2,), torch.int16, fill=-3)
    other = batch.copy()
    other["id"] += 1000
    other.add("mark", kind, torch.ones(batch.n_atoms, 2, dtype=torch.int16))
    both = batch.append(other)["mark"]
    assert both.dtype == torch.int16
    assert both.tolist() == [[-3, -3]] * batch.n_atoms + [[1, 1]] * batch.n_atoms


def test_results_that_nobody_computed_are_not_zero():
    both = Batch.of([atom(energy=-1.5), atom()])
    assert both["energy"].tolist()[0] == -1.5
    assert bool(both["energy"].isnan()[1])
    for name in ("forces", "energies", "energy", "stress"):
        assert np.isnan(STANDARD[name].fill)


def test_only_single_atoms_are_not_taken_for_systems():
    """The reference guesses from shapes: where each system is one atom, fields of atoms pass for fields of systems."""
    given = atom(kind=[7], spin=[[1.0, 2.0, 3.0]])
    for first, second in (("atom", "system"), ("system", "atom")):
        batch = Batch.of([given] * 3, scopes={"kind": first, "spin": second})
        assert [batch.kind(name).scope for name in ("kind", "spin")] == [first, second]
        grown = batch.append(Batch.of([water()], first=3))
        assert grown["kind"].shape == (6 if first == "atom" else 4,)
        assert grown["spin"].shape == (6 if second == "atom" else 4, 3)


def test_edges_count_atoms_within_their_system():
    pairs = Field("edge", (2,), torch.int64)
    batch = Batch.of([atom(pairs=[]), water(pairs=[[0, 1], [0, 2]]), water(pairs=[[1, 2]])], scopes={"pairs": pairs})
    assert batch.edges.tolist() == [0, 2, 1]
    assert batch.select([2, 0, 1])["pairs"].tolist() == [[1, 2], [0, 1], [0, 2]]
    assert batch.select([1])["pairs"].tolist() == [[0, 1], [0, 2]]


def test_ids_are_looked_up():
    batch = Batch.of([atom(id=[7]), atom(), atom(id=[-2])])
    assert batch.find([-2, 7]).tolist() == [2, 0]
    assert batch.select(batch.find([1]))["id"].tolist() == [1]
    with pytest.raises(UserError, match="no system has the id 5"):
        batch.find([5])
    batch["id"][1] = 7
    with pytest.raises(UserError, match="id 7 is there twice"):
        batch.find([7])


def test_ids_are_unique():
    batch = Batch.of([atom(), atom()])
    with pytest.raises(UserError, match="'id': 1 is there twice"):
        batch.append(Batch.of([atom()], first=1))
    with pytest.raises(UserError, match="'id': 1 is there twice"):
        Batch.of([atom(id=[1]), atom()])
    with pytest.raises(UserError, match="system 1 is wanted twice"):
        batch.select([1, 1])


def test_no_systems_are_a_batch():
    none = Batch.empty()
    assert (len(none), none.n_atoms, none.system.tolist(), none.start.tolist(), none.split()) == (0, 0, [], [0], [])
    assert different(none.append(none), none) == []
    with pytest.raises(UserError, match=r"at least one system, got none; see Batch\.empty"):
        Batch.of([])


def test_another_floating_type_leaves_what_is_not_of_the_batch():
    batch = Batch.of([atom(tag=[3], weight=[0.1])], scopes={"tag": "atom", "weight": "system"})
    batch.add("fine", Field("system"), torch.tensor([0.1], dtype=torch.float64))
    half = batch.to(dtype=torch.float32)
    types = {name: half[name].dtype for name in ("positions", "fine", "tag", "weight")}
    assert list(types.values()) == [torch.float32, torch.float32, torch.int64, torch.float64]
    with pytest.raises(UserError, match="must be floating"):
        batch.to(dtype=torch.int32)


def test_batches_on_other_devices_are_not_mixed():
    batch = Batch.of([atom()])
    elsewhere = Batch.empty(device="meta")
    with pytest.raises(
        UserError, match=r"on one device can be joined, got torch\.float64 on cpu and torch\.float64 on meta"
    ):
        batch.append(elsewhere)
    with pytest.raises(UserError, match=r"'numbers': expected torch\.int64 on cpu, got torch\.int64 on meta"):
        batch["numbers"] = torch.empty(1, dtype=torch.int64, device="meta")
    with pytest.raises(
        UserError, match=r"system 0: positions are on cpu, and these fields elsewhere: \{'masses': 'meta'"
    ):
        Batch.of([atom(positions=torch.zeros(1, 3), masses=torch.ones(1, device="meta"))])


WRONG = {
    "one floating type": lambda batch: batch.append(Batch.empty(dtype=torch.float32)),
    "'tag' is declared as": lambda batch: batch.append(Batch.of([atom(tag=[1])], scopes={"tag": "system"}, first=9)),
    "'tag': expected the shape": lambda batch: batch.add("tag", Field("atom"), torch.zeros(3)),
    "not 'taq'; did you mean 'tag'": lambda batch: batch["taq"],
    "'energies': expected the shape (2,)": lambda batch: batch.__setitem__("energies", torch.zeros(2, 1)),
    "'positions': expected torch.float64": lambda batch: batch.__setitem__("positions", torch.zeros(2, 3)),
    "'more': say whose it is": lambda batch: batch.__setitem__("more", torch.zeros(2)),
    "from 0 to 1, got [2]": lambda batch: batch.select([2]),
    "from 0 to 1, got [-1]": lambda batch: batch.select([-1]),
    "a mask of 2 systems": lambda batch: batch.select([True]),
    "a mask or numbers of systems": lambda batch: batch.select([0.5]),
    "a mask or numbers": lambda batch: batch.select(torch.tensor(1)),
}


@pytest.mark.parametrize("told", WRONG)
def test_what_cannot_be_is_told(told: str):
    batch = Batch.of([atom(tag=[1]), atom(tag=[2])], scopes={"tag": "atom"})
    with pytest.raises(UserError) as error:
        WRONG[told](batch)
    assert told in str(error.value)


GIVEN = {
    "system 3: expected the field 'numbers'": {"positions": [[0, 0, 0]]},
    "system 3: field 'numbers': expected int64, got float64": atom(numbers=[18.0]),
    "system 3: field 'positions': expected the shape (2, 3), got (1, 3)": atom(numbers=[1, 1]),
    "system 3: field 'positions': expected the shape (1, 3), got (1, 2)": atom(positions=[[0, 0]]),
    "system 3: field 'positions': expected the shape (1, 3), got (3,)": atom(positions=[0, 0, 0]),
    "system 3: field 'positions': expected float64, got complex128": atom(positions=[[0, 0, 1j]]),
    "system 3: field 'positions': expected an array of numbers": atom(positions=[["a", "b", "c"]]),
    "system 3: field 'masses': expected an array of numbers": atom(masses=[None]),
    "system 3: field 'fixed': expected bool, got int64": atom(fixed=[2]),
    "system 3: field 'pbc': expected the shape (1, 3), got ()": atom(pbc=True),
    "system 3: field 'cell': expected the shape (1, 3, 3), got (3,)": atom(cell=[1, 2, 3]),
    "system 3: field 'small': expected uint8, got int64": atom(small=[300]),
    "system 3: field 'x': say whose it is by scopes={'x': ...}": atom(x=[1]),
    "system 3: field 'whose': expected one of the scopes": atom(whose=[1]),
    "system 3: field 'energy' is known as one of each system": atom(energy=[1.0]),
    "system 3: field 'masses': expected an array with all its numbers, got a masked one; see filled": atom(
        masses=np.ma.array([1.0], mask=[True])
    ),
    "system 3: field 'masses': expected an array with all its numbers, got torch.sparse_coo": atom(
        masses=torch.ones(1).to_sparse()
    ),
    "system 3: field 'tag': expected an array of numbers, got array(['a']": atom(tag=np.array(["a"])),
    "system 3: fields of edges must have as many entries as each other": atom(e=[1], f=[1, 2]),
}
SCOPES = {"small": Field("atom", (), torch.uint8), "whose": "molecule", "e": "edge", "f": "edge"}


@pytest.mark.parametrize("told", GIVEN)
def test_arrays_that_do_not_fit_are_told_by_system_and_field(told: str):
    scopes = {**SCOPES, **({"energy": "atom"} if "energy" in told else {})}
    with pytest.raises(UserError) as error:
        Batch.of([GIVEN[told]], scopes=scopes, first=3)
    assert told in str(error.value)


def test_numbers_of_other_machines_are_read():
    given = atom(masses=np.array([39.9], ">f8"), tag=np.array([7], ">i4"))
    batch = Batch.of([given], scopes={"tag": "atom"})
    assert (batch["masses"].tolist(), batch["tag"].tolist(), batch["tag"].dtype) == ([39.9], [7], torch.int32)


@pytest.mark.parametrize("dtype", [torch.int64, torch.complex128])
def test_the_type_of_a_batch_is_floating(dtype: torch.dtype):
    with pytest.raises(UserError, match="type of a batch must be floating, got torch"):
        Batch.of([atom()], dtype=dtype)


def test_user_fields_keep_their_kind_of_number():
    given = atom(a=np.array([1], np.int16), b=np.float32(0.1), c=[1 + 2j], d=torch.tensor([1.0], dtype=torch.bfloat16))
    batch = Batch.of([given] * 2, scopes={"a": "atom", "b": "system", "c": "atom", "d": "atom"})
    assert [batch[n].dtype for n in "abcd"] == [torch.int16, torch.float32, torch.complex128, torch.bfloat16]
