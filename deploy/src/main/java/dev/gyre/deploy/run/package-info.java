/**
 * Running a job on this machine: data, coordinator, media driver and workers, from start to
 * outcome.
 */
@NullMarked
package dev.gyre.deploy.run;

import org.jspecify.annotations.NullMarked;
