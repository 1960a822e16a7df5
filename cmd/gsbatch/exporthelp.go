package main

// exportHelp tells what an export writes, and the grammar of --where.
func exportHelp() string {
	return `What an export writes, and its filters

` + exportColumnsHelp() + `
--select A,B   these fields alone (Gsid is always there; CTA and SP if named)
--select +A    the usual fields and A. A field that the tenant refuses is an
               error if the command line names it; one that a settings file adds
               is left out with a warning
--sort A       order by A, A:desc downwards; blank ones last. It keeps the values
               of A in memory, about 100 bytes a record; without it memory holds
               no more than a mark of each Gsid

Filters: --where 'FIELD OPERATOR VALUE', joined by AND and OR (AND binds closer)
and parentheses.

  Name STARTS_WITH "Renew" AND StatusName IN (New, "On Track")
  DueDate BTW (2026-01-01, 2026-03-31) OR DueDate IS_NULL
  EntityType EQ COMPANY AND NOTE__gc CONTAINS 'say "x"'

Operators: EQ NE GT GTE LT LTE (or = != > >= < <=), STARTS_WITH, CONTAINS,
DOES_NOT_CONTAINS, BTW (A, B), IN (A, …), INCLUDES, EXCLUDES, IS_NULL,
IS_NOT_NULL. Texts stand in quotes, in which \ takes the next character as it
is; single words, numbers and dates need none. The tenant compares, not gsbatch;
its documentation shows EQ, STARTS_WITH, CONTAINS and AND alone. Names of
statuses and goal types, and of companies in --id-map, become ids.

--since 2026-01-31 (or with a time: 2026-01-31T08:00:00Z) takes what was modified
since. --since last takes what was modified since the last export of the same
object, --where and -o that succeeded, and five minutes before, by the server's
clock. A failed export leaves that mark where it was. {date} in -o is today's
date here.

An export that was broken off (Ctrl-C, kill, network, quota) goes on at its page
when the same command is given again within a day; --again begins anew. What it
has read is kept in the state folder until then.

"Proved" says that nothing is missing which was there all along: pages are read
so that they overlap. Where the tenant's order changes between pages this cannot
be proved, and the manifest says why.

A CSV cell that a spreadsheet would run as a formula gets a leading ', which
import takes off again (--raw-formulas leaves it out, for files that no import is to read). A text of more than 32,767
characters does not fit a cell of a workbook: it is left blank there, with a
warning; import keeps what a blank cell stands for.
`
}

// exportColumnsHelp tells the columns of each object.
func exportColumnsHelp() string {
	return `Goals: columns have the names that import knows, so a file can be edited and
imported again: a row with a Gsid updates its goal. Statuses and goal types are
names, or the Gsid where two have one name (--ids: always ids). Companies,
relationships and opportunities are ids, with their names beside them where
--id-map or earlier imports into this tenant made any known. CTA and SP are lists
of Gsids with ; between. CreatedDate and ModifiedDate are UTC. CSV knows text
alone: to import custom fields that are numbers or truth values from CSV, declare
their type in a mapping; XLSX and JSONL keep it.

Templates: Gsid, Name, StatusName, GoalTypeName, DueDate (a number of days),
Description, CurrencyIsoCode, CreatedDate, ModifiedDate and ModifiedById; custom
fields and others by --select. They are read as goals are, with the same options
but --id-map: they belong to no company. Their metrics are shown by no call.
gsbatch import --object templates takes an edited file back.

Metrics: gsid, name, unitOfMeasure, description, associateGoalTypeNames and active.
They come whole with the picklists, so there is nothing to select, filter or sort
them by. Goal types have ; between them; --ids gives associateGoalTypes, their
Gsids, instead. gsbatch import --object metrics takes an edited file back; the goal
types of a row are added to those that the metric has.

Picklists: goal types, statuses and metrics, with what a cell has to say for each.
`
}
