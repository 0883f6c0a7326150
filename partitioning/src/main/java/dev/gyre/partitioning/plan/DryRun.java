package dev.gyre.partitioning.plan;

import dev.gyre.partitioning.layout.LinearAttentionLayout;
import dev.gyre.partitioning.layout.SequenceLayout;
import dev.gyre.partitioning.mask.AttentionMask;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.schedule.AttentionSchedule;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Runs the forward and backward pass of a micro-step on one rank without computing anything, and
 * counts the memory that it takes. The planner gets it as a function, because it does not know the
 * code of the model.
 */
@FunctionalInterface
public interface DryRun {
  Peak of(RowPass pass);

  /**
   * A pass of one rank over the rows of a micro-step.
   *
   * @param rank number of the rank in the mesh
   * @param dtype compute dtype, {@code bf16} or {@code f32}
   * @param layout of one document that is as long as all rows together
   * @param linear layout of its linear layers; null for a model without any
   * @param schedules of each attention mask of the model; the layout may have a few tokens more
   *     than theirs
   * @param expertRows rows that the rank's experts receive in one round
   * @param rounds in which the experts' rows travel
   */
  record RowPass(
      ModelSpec model,
      Mesh mesh,
      int rank,
      String dtype,
      ActivationPlan activations,
      SequenceLayout layout,
      @Nullable LinearAttentionLayout linear,
      Map<AttentionMask, AttentionSchedule> schedules,
      int expertRows,
      int rounds) {
    public RowPass {
      schedules = Map.copyOf(schedules);
    }
  }

  /**
   * The largest memory of a pass, in bytes.
   *
   * @param saved what forward keeps for backward, when most memory is in use
   * @param scratch everything else that is then in use
   * @param stored most bytes in the store of offloaded activations
   */
  record Peak(long saved, long scratch, long stored) {
    public long bytes() {
      return saved + scratch;
    }
  }
}
