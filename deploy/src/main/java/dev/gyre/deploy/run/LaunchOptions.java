package dev.gyre.deploy.run;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Options of running a job that do not change what its workers compute.
 *
 * @param trace whether to write a timeline of every rank to the run's {@code trace.json}
 * @param bind whether to pin each worker's training thread to its own cores, if there are enough
 * @param grace time from SIGTERM to the end, including the checkpoint; null to derive it from the
 *     run's step time
 * @param stallTimeout time after which a rank without progress ends the run; null to derive it from
 *     the plan
 */
public record LaunchOptions(
    boolean trace, boolean bind, @Nullable Duration grace, @Nullable Duration stallTimeout) {}
