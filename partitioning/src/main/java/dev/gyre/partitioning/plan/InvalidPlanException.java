package dev.gyre.partitioning.plan;

/**
 * A plan that would compute the wrong thing, hang, or not fit. The message names the tile (rank,
 * step, queries, keys), the message between ranks, or the memory category at fault.
 */
public final class InvalidPlanException extends IllegalStateException {
  private static final long serialVersionUID = 1L;

  public InvalidPlanException(String problem) {
    super(problem);
  }
}
