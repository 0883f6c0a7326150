package dev.gyre.partitioning.plan;

import dev.gyre.partitioning.mesh.Axis;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.schedule.AttentionSchedule;
import dev.gyre.partitioning.schedule.HeadSplit;
import dev.gyre.partitioning.schedule.ItemMemory;
import dev.gyre.partitioning.schedule.MessageBytes;
import dev.gyre.partitioning.schedule.SchedulePass;

/**
 * A dry run for tests of decisions: memory in proportion to tokens, expert rows and the slots of
 * schedules, less with each slower policy. The real one is in the trainer.
 */
final class SketchedMemory implements DryRun {
  @Override
  public Peak of(RowPass pass) {
    Mesh mesh = pass.mesh();
    int ringRank = mesh.place(pass.rank(), Axis.RING);
    long tokens = pass.layout().tokens(ringRank, mesh.place(pass.rank(), Axis.ULYSSES));
    long unit = pass.model().width() * CostModel.elementBytes(pass.dtype());
    ActivationPlan activations = pass.activations();
    boolean tiled = activations.mlpTile() > 0;
    long ofToken = 8;
    long ofExpertRow = 0;
    switch (activations.recompute()) {
      case ActivationPlan.NONE -> {
        ofToken = 32;
        ofExpertRow = pass.rounds() > 1 ? 0 : tiled ? 4 : 12;
      }
      case ActivationPlan.ATTENTION_SAVING -> ofToken = 16;
      default -> {}
    }
    long ofLayer = unit * (tokens * ofToken + pass.expertRows() * ofExpertRow);
    long saved = ofLayer * pass.model().depth();
    long ofExperts = unit * pass.expertRows() * (tiled ? 2 : 12);
    long scratch = unit * 8 * tokens + Math.max(ofExperts, slots(pass, ringRank));
    return activations.offload()
        ? new Peak(2 * unit * tokens, scratch, saved)
        : new Peak(saved, scratch, 0);
  }

  private static long slots(RowPass pass, int ringRank) {
    Mesh mesh = pass.mesh();
    HeadSplit.Part part =
        HeadSplit.of(pass.model().heads().kvHeadOf(), mesh)
            .parts()
            .get(mesh.place(pass.rank(), Axis.ULYSSES));
    MessageBytes bytes =
        new MessageBytes(
            part.queryHeads(),
            part.kvHeads(),
            pass.model().heads().size(),
            Math.toIntExact(CostModel.elementBytes(pass.dtype())));
    int[] tokens = pass.layout().ringTokens();
    long most = 0;
    for (AttentionSchedule schedule : pass.schedules().values()) {
      ItemMemory forward =
          new ItemMemory(SchedulePass.FORWARD, schedule.forward().get(ringRank), ringRank, tokens);
      ItemMemory backward =
          new ItemMemory(
              SchedulePass.BACKWARD, schedule.backward().get(ringRank), ringRank, tokens);
      most = Math.max(most, Math.max(forward.bytes(bytes), backward.bytes(bytes)));
    }
    return most;
  }
}
