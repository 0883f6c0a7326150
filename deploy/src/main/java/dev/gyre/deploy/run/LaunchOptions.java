package dev.gyre.deploy.run;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * How a job's workers are run; nothing of it changes what they compute.
 *
 * @param trace whether what every rank does when is written to the run's {@code trace.json}
 * @param bind whether each worker's training thread keeps to cores of its own, where there are
 *     enough
 * @param grace from SIGTERM to the end, checkpoint included; null to follow the run's own pace
 * @param stallTimeout of a rank that makes no progress; null to follow the plan
 */
public record LaunchOptions(
    boolean trace, boolean bind, @Nullable Duration grace, @Nullable Duration stallTimeout) {}
