package dev.gyre.kernels.conformance;

import dev.gyre.kernels.Backend;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.scalar.ScalarBackendProvider;

/**
 * One kernel at one size and compute dtype, compared with the scalar twin.
 *
 * <p>The body runs three times on equal inputs: on the twin, on the backend, and on the backend
 * once more. The backend must come within each output's bound of the twin, give the same bits both
 * times, not change its inputs and write nothing outside its tensors.
 */
public final class Check {
  /** Declares tensors, calls kernels, names outputs, in the same sequence every time it runs. */
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

  /** The compute dtype that the backend must have. */
  public DType dtype() {
    return dtype;
  }

  /**
   * Runs it.
   *
   * @throws AssertionError naming the output, the element, both values and the bound
   */
  public void run(Backend backend) {
    try (Backend scalar = new ScalarBackendProvider().open(1);
        Case twin = runOn(scalar, true);
        Case first = runOn(backend, false);
        Case again = runOn(backend, false)) {
      first.finish();
      again.finish();
      first.verifyUntouched(name());
      again.verifyUntouched(name());
      first.verifyClose(name(), twin);
      first.verifySameBits(name(), again);
    }
  }

  private Case runOn(Backend backend, boolean reference) {
    Case c = new Case(backend, reference, dtype, name.hashCode());
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
