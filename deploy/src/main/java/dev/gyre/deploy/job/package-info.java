/** Job files: YAML in, a checked {@code JobSpec} out, and the JSON Schema both are described by. */
@NullMarked
package dev.gyre.deploy.job;

import org.jspecify.annotations.NullMarked;
