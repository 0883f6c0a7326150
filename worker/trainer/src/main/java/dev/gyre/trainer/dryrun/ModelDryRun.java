package dev.gyre.trainer.dryrun;

import dev.gyre.kernels.DType;
import dev.gyre.kernels.Workspace;
import dev.gyre.model.DecoderModel;
import dev.gyre.model.Objective;
import dev.gyre.model.Observer;
import dev.gyre.model.Pass;
import dev.gyre.model.PassInput;
import dev.gyre.partitioning.mesh.Axis;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.plan.DryRun;
import dev.gyre.partitioning.plan.Planner;
import dev.gyre.trainer.rank.BatchTotals;
import dev.gyre.trainer.rank.RankSpec;
import dev.gyre.trainer.rank.RowOpener;
import dev.gyre.trainer.rank.RowOpener.OpenRow;
import dev.gyre.trainer.rank.RowPart;
import dev.gyre.trainer.rank.RowSource;
import dev.gyre.trainer.sequence.ShardedSequence;
import dev.gyre.trainer.worker.Dtypes;
import java.util.List;
import java.util.Map;

/** Runs the model of the workers, on kernels and ports that do nothing. */
public final class ModelDryRun implements DryRun {
  /** Counts memory with the model of this build. */
  public static final Planner PLANNER = new Planner(new ModelDryRun());

  /** More than any pass needs; a multiple of the workspace's alignment. */
  private static final long ENDLESS = 1L << 61;

  private ModelDryRun() {}

  @Override
  public Peak of(RowPass pass) {
    ModelSpec model = pass.model();
    Mesh mesh = pass.mesh();
    int rank = pass.rank();
    DType compute = Dtypes.of(pass.dtype());
    NoCompute backend = new NoCompute();
    Workspace workspace = new Workspace(0, ENDLESS);
    ShardedSequence sequence =
        new ShardedSequence(new NoNetwork(rank, mesh.workers()), mesh, backend, model, compute);
    NoExperts experts =
        new NoExperts(
            model.experts(),
            mesh.expertParallel(),
            mesh.place(rank, Axis.EXPERT),
            pass.expertRows(),
            pass.rounds());
    DecoderModel decoder =
        new DecoderModel(
            model,
            RankSpec.execution(compute, pass.activations()),
            Objective.CROSS_ENTROPY,
            backend,
            experts,
            new NoParameters(model, compute, experts.firstExpert()));
    CountedStore stored = new CountedStore();
    OpenRow open =
        new RowOpener(backend, model, sequence)
            .open(part(pass), RowSource.NONE, totals(pass), workspace);
    PassInput input =
        new PassInput(
            open.batch(), open.row(), workspace, pass.activations().offload() ? stored : null);
    try (Pass forward = decoder.forward(input, Observer.NONE)) {
      forward.backward();
    }
    long saved = workspace.savedAtPeak();
    return new Peak(saved, workspace.peakBytes() - saved, stored.most());
  }

  private static RowPart part(RowPass pass) {
    Mesh mesh = pass.mesh();
    return new RowPart(
        pass.layout(),
        List.of(pass.layout().documents().tokens()),
        pass.schedules(),
        Map.of(),
        pass.linear(),
        pass.layout()
            .runs(mesh.place(pass.rank(), Axis.RING), mesh.place(pass.rank(), Axis.ULYSSES)));
  }

  private static BatchTotals totals(RowPass pass) {
    int tokens = pass.layout().documents().tokens();
    return new BatchTotals(tokens, tokens, 1);
  }
}
