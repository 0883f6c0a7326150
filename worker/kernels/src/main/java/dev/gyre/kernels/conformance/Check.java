package dev.gyre.kernels.conformance;

import dev.gyre.kernels.Backend;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.ScalarKernels;

/**
 * One kernel at one size and compute dtype, held to the scalar twin.
 *
 * <p>The body runs three times on equal inputs: on the twin, on the backend, and on the backend
 * once more. The backend must come within each output's bound of the twin, give the same bits both
 * times, leave its inputs alone and write nothing outside its tensors.
 */
public final class Check {
  /** Declares tensors, calls kernels, names outputs. The same sequence every time it runs. */
  interface Body {
    void run(Case c);
  }

  private final String name;
  private final DType dtype;
  private final Body body;

  Check(String name, DType dtype, Body body) {
    this.name = name;
    this.dtype = dtype;
    this.body = body;
  }

  /** Kernel, compute dtype and sizes, unique in the suite. */
  public String name() {
    return name + " " + dtype;
  }

  /** The compute dtype it needs the backend to have. */
  public DType dtype() {
    return dtype;
  }

  /**
   * Runs it.
   *
   * @throws AssertionError naming the output, the element, both values and the bound
   * @throws IllegalArgumentException if the backend's kernels do not read host memory
   */
  public void run(Backend backend) {
    if (!backend.hostMemory()) {
      throw new IllegalArgumentException(
          backend.name() + " computes in device memory; the suite's tensors lie in host memory");
    }
    try (Case twin = runOn(new ScalarKernels(), true);
        Case first = runOn(backend.kernels(), false);
        Case again = runOn(backend.kernels(), false)) {
      backend.synchronize();
      first.verifyUntouched(name());
      again.verifyUntouched(name());
      first.verifyClose(name(), twin);
      first.verifySameBits(name(), again);
    }
  }

  private Case runOn(Kernels kernels, boolean reference) {
    Case c = new Case(kernels, reference, dtype, name.hashCode());
    try {
      body.run(c);
      return c;
    } catch (Throwable problem) {
      c.close();
      throw problem;
    }
  }

  @Override
  public String toString() {
    return name();
  }
}
