package dev.gyre.kernels.scalar;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gyre.kernels.DType;
import dev.gyre.kernels.HostAccess;
import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Tensors;
import java.lang.foreign.Arena;
import java.util.Random;
import java.util.function.DoubleSupplier;
import org.junit.jupiter.api.AfterEach;

/**
 * The scalar twin's backward kernels against central differences of its forward kernels. The scalar
 * loss is Σ c·y with random c, so that dy = c. Tensors are F32, so a difference over 2h = 2⁻⁶ with
 * sums in double is good to about 2⁻²³/2⁻⁶ ≈ 1e-5 plus h²/6 of the third derivative ≈ 1e-5.
 */
abstract class FiniteDifferences {
  static final float H = 1f / 128;
  private static final double TOLERANCE = 2e-3;

  final Arena arena = Arena.ofShared();
  final Random random = new Random(11);
  final Kernels kernels = ScalarKernels.create();

  @AfterEach
  void free() {
    arena.close();
  }

  Tensor normal(long... dims) {
    Tensor t = Tensors.zeros(arena, DType.F32, dims);
    for (long i = 0; i < t.elements(); i++) {
      HostAccess.set(t, i, random.nextGaussian() * 0.7);
    }
    return t;
  }

  Tensor zeros(long... dims) {
    return Tensors.zeros(arena, DType.F32, dims);
  }

  static double dot(Tensor a, Tensor b) {
    double sum = 0;
    for (long i = 0; i < a.elements(); i++) {
      sum += HostAccess.get(a, i) * HostAccess.get(b, i);
    }
    return sum;
  }

  static void assertGradient(String name, Tensor x, Tensor dx, DoubleSupplier loss) {
    for (long i = 0; i < x.elements(); i++) {
      double at = HostAccess.get(x, i);
      HostAccess.set(x, i, at + H);
      double up = loss.getAsDouble();
      HostAccess.set(x, i, at - H);
      double down = loss.getAsDouble();
      HostAccess.set(x, i, at);
      assertEquals((up - down) / (2 * H), HostAccess.get(dx, i), TOLERANCE, name + "[" + i + "]");
    }
  }
}
