/** Tests of local launching, with real processes. */
@NullMarked
package dev.gyre.deploy.launch;

import org.jspecify.annotations.NullMarked;
