package dev.gyre.model;

import dev.gyre.kernels.Backend;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Workspace;
import dev.gyre.model.hf.HfWeights;
import dev.gyre.model.local.LocalExpertGroup;
import dev.gyre.model.local.LocalParameters;
import dev.gyre.model.local.LocalRow;
import dev.gyre.partitioning.layout.Documents;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.model.TensorSpec;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;

/** A model on one rank with everything it needs. */
final class OneWorker {
  static final long WORKSPACE_BYTES = 64L << 20;

  final Backend backend;
  final LocalParameters parameters;
  final Workspace workspace;
  final DecoderModel model;
  private final ModelSpec spec;
  private Documents documents = new Documents();

  OneWorker(
      ModelSpec spec,
      Execution execution,
      Objective objective,
      int roundRows,
      Backend backend,
      Arena arena) {
    this.backend = backend;
    this.parameters = new LocalParameters(spec.tensors(), execution.compute(), arena);
    this.spec = spec;
    MemorySegment slab = arena.allocate(WORKSPACE_BYTES, Workspace.ALIGNMENT_BYTES);
    this.workspace = new Workspace(backend.memory(slab), WORKSPACE_BYTES);
    this.model =
        new DecoderModel(
            spec,
            execution,
            objective,
            backend,
            new LocalExpertGroup(backend.kernels(), spec.experts(), roundRows),
            parameters);
  }

  /** The row of the passes that follow. */
  void setRow(Documents row) {
    documents = row;
  }

  PassInput input(MicroBatch batch) {
    return input(batch, documents, workspace);
  }

  /**
   * @param memory no other open pass uses it
   */
  PassInput input(MicroBatch batch, Documents row, Workspace memory) {
    LocalRow local = new LocalRow(backend.kernels(), spec.heads().kvHeadOf(), row);
    return new PassInput(batch, local, memory, null);
  }

  StepSums forwardBackward(MicroBatch batch, Observer observer) {
    try (Pass pass = model.forward(input(batch), observer)) {
      return pass.backward();
    }
  }

  StepSums evaluate(MicroBatch batch, Tensor losses, Observer observer) {
    return model.evaluate(input(batch), losses, observer);
  }

  void load(Path folder, ModelSpec spec) throws IOException {
    try (HfWeights weights = HfWeights.open(folder, spec)) {
      for (TensorSpec p : parameters.specs()) {
        weights.read(p, p.whole(), parameters.master(p).segment());
      }
    }
    parameters.mastersChanged(backend.kernels());
    parameters.zeroGradients();
  }

  static Execution f32() {
    return Execution.of(DType.F32);
  }
}
