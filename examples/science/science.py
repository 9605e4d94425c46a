import platform

import numpy


def main() -> None:
    matrix = numpy.arange(9, dtype=float).reshape(3, 3) + numpy.eye(3)
    print(f"{platform.machine()}: numpy {numpy.__version__}, determinant {numpy.linalg.det(matrix):.3f}")


if __name__ == "__main__":
    main()
