package dev.gyre.model.tape;

import dev.gyre.kernels.DType;
import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Workspace;
import org.jspecify.annotations.Nullable;

/**
 * A value on the tape and, during the backward pass, its gradient.
 *
 * <p>The gradient has the value's shape and its own dtype. The first contribution allocates it at
 * the workspace's scratch end, so it lives as long as the segment in whose backward it was
 * allocated.
 */
public final class Variable {
  private final String name;
  private final Tensor value;
  private final boolean computed;
  private final DType gradientType;
  private @Nullable Tensor gradient;

  /**
   * @param name for errors
   * @param gradientType dtype in which contributions are summed
   */
  public Variable(String name, Tensor value, DType gradientType) {
    this(name, value, true, gradientType);
  }

  private Variable(String name, Tensor value, boolean computed, DType gradientType) {
    this.name = name;
    this.value = value;
    this.computed = computed;
    this.gradientType = gradientType;
  }

  /** A variable with a gradient but no value, for operations whose backward does not read it. */
  public static Variable withoutValue(String name, DType dtype, DType gradientType, long... dims) {
    return new Variable(name, new Tensor(0, dtype, dims), false, gradientType);
  }

  public String name() {
    return name;
  }

  /**
   * @throws IllegalStateException if there is none
   */
  public Tensor value() {
    if (!computed) {
      throw new IllegalStateException(name + " " + value + " was not computed again");
    }
    return value;
  }

  /** A dim of the value, also of one that was not computed. */
  public long dim(int i) {
    return value.dim(i);
  }

  public boolean hasValue() {
    return computed;
  }

  public boolean hasGradient() {
    return gradient != null;
  }

  /**
   * The gradient, complete once every user's backward has run.
   *
   * @throws IllegalStateException when no user of the value contributed one
   */
  public Tensor gradient() {
    Tensor g = gradient;
    if (g == null) {
      throw new IllegalStateException(
          "missing gradient: nothing that uses " + name + " " + value + " contributed one");
    }
    return g;
  }

  /**
   * Where to write or add a contribution; allocated with undefined contents unless {@link
   * #hasGradient} was true before.
   */
  public Tensor gradientOrNew(Workspace workspace) {
    Tensor g = gradient;
    if (g == null) {
      g = workspace.scratch(gradientType, dims());
      gradient = g;
    }
    return g;
  }

  /** Where to add a contribution; allocated with zeros if it is the first. */
  public Tensor gradientToAdd(Workspace workspace, Kernels kernels) {
    boolean first = gradient == null;
    Tensor g = gradientOrNew(workspace);
    if (first) {
      kernels.fill(g, 0f);
    }
    return g;
  }

  /**
   * For {@code sum = this + something}: both have the same gradient, so this one takes over the
   * sum's buffer and adds to it in place. The sum's gradient must not be read afterwards.
   *
   * @throws IllegalStateException when this already has contributions, or the sum has none
   */
  public void takeGradientOf(Variable sum) {
    if (gradient != null) {
      throw new IllegalStateException(name + " already has a gradient; it cannot take another");
    }
    Tensor g = sum.gradient();
    gradient = g.require("gradient of " + sum.name, gradientType, dims());
    sum.gradient = null;
  }

  private long[] dims() {
    long[] dims = new long[value.rank()];
    for (int i = 0; i < dims.length; i++) {
      dims[i] = value.dim(i);
    }
    return dims;
  }

  @Override
  public String toString() {
    return name + " " + value;
  }
}
