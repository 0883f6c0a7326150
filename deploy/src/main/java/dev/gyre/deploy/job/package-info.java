/** Job files: YAML in, a checked {@code JobSpec} out, and the JSON Schema of the format. */
@NullMarked
package dev.gyre.deploy.job;

import org.jspecify.annotations.NullMarked;
