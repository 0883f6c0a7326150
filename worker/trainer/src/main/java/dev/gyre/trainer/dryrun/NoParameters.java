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

  /**
   * @param firstExpert first of the rank's experts, by which the model asks for the tensors of all
   */
  NoParameters(ModelSpec model, DType compute, int firstExpert) {
    this.compute = compute;
    for (TensorSpec tensor : model.tensors(firstExpert, Math.min(1, model.experts()))) {
      if (tensor.precision() == Precision.F32) {
        exact.add(tensor.name());
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
