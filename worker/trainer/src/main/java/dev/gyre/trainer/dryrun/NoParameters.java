package dev.gyre.trainer.dryrun;

import dev.gyre.kernels.DType;
import dev.gyre.kernels.Tensor;
import dev.gyre.model.port.ParameterStore;
import dev.gyre.model.port.ParameterUnit;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.model.TensorSpec;
import dev.gyre.partitioning.model.TensorSpec.Precision;
import java.util.HashSet;
import java.util.Set;

/** Weights with dtypes and dims, but without memory. */
final class NoParameters implements ParameterStore {
  private final DType compute;
  private final Set<String> exact = new HashSet<>();

  NoParameters(ModelSpec model, DType compute) {
    this.compute = compute;
    for (TensorSpec dense : model.tensors(0, 0)) {
      if (dense.precision() == Precision.F32) {
        exact.add(dense.name());
      }
    }
  }

  @Override
  public Tensor weight(String name, long... dims) {
    return new Tensor(0, exact.contains(name) ? DType.F32 : compute, dims);
  }

  @Override
  public Tensor gradient(String name, long... dims) {
    return new Tensor(0, DType.F32, dims);
  }

  @Override
  public void enter(ParameterUnit unit) {}

  @Override
  public void leave(ParameterUnit unit) {}
}
