package dev.gyre.model;

import dev.gyre.kernels.DType;
import dev.gyre.kernels.Tensor;
import dev.gyre.model.port.ParameterUnit;
import dev.gyre.model.tape.Variable;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.model.TensorNames;

/** Token ids to the start of the residual stream. */
final class Embedding {
  private final Ops ops;
  private final long vocabulary;
  private final long hidden;

  Embedding(Ops ops, ModelSpec model) {
    this.ops = ops;
    this.vocabulary = model.vocabulary();
    this.hidden = model.width();
  }

  /** The residual stream F32 [T,d], saved. */
  Variable forward(Tensor tokens, Observer observer) {
    long count = tokens.elements();
    Tensor x = ops.workspace.save(DType.F32, count, hidden);
    long mark = ops.workspace.scratchMark();
    Tensor table = ops.store.weight(TensorNames.EMBEDDING, vocabulary, hidden);
    if (ops.compute == DType.F32) {
      ops.kernels.gatherRows(table, tokens, x);
    } else {
      Tensor rows = ops.workspace.scratch(ops.compute, count, hidden);
      ops.kernels.gatherRows(table, tokens, rows);
      ops.kernels.copy(rows, x);
    }
    ops.workspace.releaseScratch(mark);
    Variable y = new Variable("embedding", x, DType.F32);
    ops.tape.record(
        () -> {
          ops.store.enter(ParameterUnit.EMBEDDING);
          observer.entering(-1, ModelPhase.EMBEDDING_BACKWARD);
          ops.kernels.scatterAddRows(
              y.gradient(), tokens, ops.store.gradient(TensorNames.EMBEDDING, vocabulary, hidden));
          ops.store.leave(ParameterUnit.EMBEDDING);
        });
    return y;
  }
}
