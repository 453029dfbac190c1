"""An external program, here in Python: the energy of a crystal of argon from its input file."""

import sys


def read(path: str) -> dict[str, float]:
    """Returns the numbers of a file of lines such as "sigma 3.4"."""
    with open(path) as file:
        words = [line.split() for line in file]
    return {name: float(value) for name, value in words}


def energy(a: float, epsilon: float, sigma: float, cutoff: float) -> float:
    """Returns the energy (eV) of an atom of an fcc crystal: the sum over all neighbours within the cutoff (Å)."""
    reach = range(-int(2 * cutoff / a) - 1, int(2 * cutoff / a) + 2)
    total = 0.0
    for i in reach:
        for j in reach:
            for k in reach:
                square = (i * i + j * j + k * k) * (a / 2) ** 2
                if (i + j + k) % 2 == 0 and 0 < square < cutoff**2:
                    attraction = (sigma**2 / square) ** 3
                    total += 2 * epsilon * (attraction**2 - attraction)
    return total


if __name__ == "__main__":
    found = energy(**read(sys.argv[1]))
    with open(sys.argv[2], "w") as file:
        file.write(f"energy = {found!r} eV/atom\n")
