/**
 * The commands that have no package of their own: plan, generate, golden, doctor, schema, version.
 */
@NullMarked
package dev.gyre.deploy.command;

import org.jspecify.annotations.NullMarked;
