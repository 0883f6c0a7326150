package dev.gyre.kernels.vector;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

/**
 * The largest values so far and their indices, best first, equal ones in the order in which they
 * came. Arguments are host addresses: of F32 values and I32 indices.
 */
final class Largest {
  private Largest() {}

  /**
   * Inserts a value, if it is one of the largest. A NaN is none, unless there are too few others.
   *
   * @param found values in the list, at most {@code most}
   * @return values in the list now
   */
  static int insert(float value, int index, long values, long indices, int found, int most) {
    if (found == most && (most == 0 || !(value > Simd.get(values + 4L * (most - 1))))) {
      return found;
    }
    int at = Math.min(found, most - 1);
    for (; at > 0 && value > Simd.get(values + 4L * (at - 1)); at--) {
      Simd.set(values + 4L * at, Simd.get(values + 4L * (at - 1)));
      Simd.setBits(indices + 4L * at, index(indices, at - 1));
    }
    Simd.set(values + 4L * at, value);
    Simd.setBits(indices + 4L * at, index);
    return Math.min(found + 1, most);
  }

  static boolean contains(long indices, int count, int index) {
    for (int j = 0; j < count; j++) {
      if (index(indices, j) == index) {
        return true;
      }
    }
    return false;
  }

  static int index(long indices, int j) {
    return Simd.ALL.get(JAVA_INT_UNALIGNED, indices + 4L * j);
  }
}
