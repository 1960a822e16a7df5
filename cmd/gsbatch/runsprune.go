package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gsbatch/checkpoint"
)

func newRunsPrune(app *App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "prune [RUN…]",
		Short: "Remove what runs hold of customers' data",
		Long: `Remove runs that are finished or abandoned, with the rows, payloads and answers
that they hold: those named, or those that --older-than and --keep choose. Never a
run that is not finished, has rows in doubt or parked, has no reports yet, or is held
by another process.

It does not remove the report folders and the input files, nor from tenant.db the
hashes and Gsids of goals that were created, which keep a later import from creating
them again. The disk is not overwritten. A run that is removed cannot be shown,
reported or retried any more, and an update in the same file would be sent again.

It asks; where nobody can be asked it needs --yes.`,
		Args: takes(0, -1),
	}
	o := new(pruneOptions)
	cmd.Flags().Var(&o.olderThan, "older-than", "runs that were made longer ago than this `AGE`, as 90d, 12w or 36h")
	cmd.Flags().IntVar(&o.keep, "keep", -1, "all but the newest `N` of those that can be removed")
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "tell what would be removed, and remove nothing")
	cmd.RunE = func(_ *cobra.Command, args []string) error { o.runs = args; return runRunsPrune(app, o) }
	return cmd
}

type pruneOptions struct {
	runs      []string
	olderThan age
	keep      int // -1: not given
	dryRun    bool
}

// age is a duration that may be given in days and weeks.
type age time.Duration

func (a *age) String() string {
	if *a == 0 {
		return ""
	}
	return time.Duration(*a).String()
}

func (a *age) Type() string { return "AGE" }

func (a *age) Set(s string) error {
	for suffix, unit := range map[string]time.Duration{"d": 24 * time.Hour, "w": 7 * 24 * time.Hour} {
		number, ok := strings.CutSuffix(s, suffix)
		if n, err := strconv.Atoi(number); ok && err == nil && n > 0 && n < 36500 {
			*a = age(time.Duration(n) * unit)
			return nil
		}
	}
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 {
		return &badValue{"not an age like 90d, 12w or 36h"}
	}
	*a = age(d)
	return nil
}

// pruneJSON is the JSON object of runs prune.
type pruneJSON struct {
	DryRun     bool         `json:"dry_run"`
	Pruned     []prunedJSON `json:"pruned"` // or to be pruned
	Kept       []keptJSON   `json:"kept"`   // chosen, but not to be removed
	NotRemoved []string     `json:"not_removed"`
}

type prunedJSON struct {
	ID        string    `json:"id"`
	CreatedAt time.Time `json:"created_at"`
	Rows      int64     `json:"rows"`
	Bytes     int64     `json:"bytes"`
	Indexed   int       `json:"created_kept"` // goals whose hashes and Gsids stay
	ReportDir string    `json:"report_dir"`
}

type keptJSON struct {
	ID  string `json:"id"`
	Why string `json:"why"`
}

func runRunsPrune(app *App, o *pruneOptions) error {
	if len(o.runs) == 0 && o.olderThan == 0 && o.keep < 0 {
		return usagef("name runs, or give --older-than or --keep", "nothing says which runs to remove")
	}
	infos, err := listRuns(app)
	if err != nil {
		return err
	}
	chosen, kept, err := o.choose(app, infos)
	if err != nil {
		return err
	}
	out := pruneJSON{DryRun: o.dryRun, Pruned: []prunedJSON{}, Kept: kept, NotRemoved: []string{"report folders", "input files", "hashes and Gsids of created goals in tenant.db", "free space of the disk"}}
	if len(chosen) > 0 && !o.dryRun {
		if yes, err := app.sure(fmt.Sprintf("remove %d runs for good?", len(chosen)), chosen); err != nil || !yes {
			return err
		}
	}
	failed := o.prune(app, chosen, &out)
	if app.general.json {
		return errors.Join(failed, app.emit(out))
	}
	return errors.Join(failed, tellPruned(app, out))
}

// choose gives the runs to remove, and of those asked for the ones to keep. A
// run that was named and may not be removed is an error.
func (o *pruneOptions) choose(app *App, infos []checkpoint.Info) (chosen []checkpoint.Info, kept []keptJSON, err error) {
	kept = []keptJSON{}
	if len(o.runs) > 0 {
		for _, name := range o.runs {
			info, err := findRun(app, name)
			if err != nil {
				return nil, nil, err
			}
			if why := mustKeep(app, info); why != "" {
				return nil, nil, usagef("", "run %s cannot be removed: %s", info.ID, why)
			}
			if !slices.ContainsFunc(chosen, func(i checkpoint.Info) bool { return i.ID == info.ID }) {
				chosen = append(chosen, info)
			}
		}
		return chosen, kept, nil
	}
	newest := 0
	for _, info := range infos { // newest first
		why := mustKeep(app, info)
		if why == "" {
			newest++
		}
		if newest <= o.keep && why == "" || o.olderThan > 0 && app.now().Sub(info.CreatedAt) <= time.Duration(o.olderThan) {
			continue
		}
		if why != "" {
			kept = append(kept, keptJSON{info.ID, why})
			continue
		}
		chosen = append(chosen, info)
	}
	return chosen, kept, nil
}

// mustKeep says why a run may not be removed, "" when it may.
func mustKeep(app *App, info checkpoint.Info) string {
	switch {
	case info.State == checkpoint.Abandoned:
		return ""
	case info.State != checkpoint.Finished:
		return fmt.Sprintf("it is %s; finish it, or give it up with %s", info.State, app.command("runs", "abandon", info.ID))
	case info.Counts.InDoubt+info.Counts.Parked > 0:
		return fmt.Sprintf("%d of its rows are in doubt or parked", info.Counts.InDoubt+info.Counts.Parked)
	case !info.Reported:
		return "its reports are not written; write them with " + app.command("runs", "report", info.ID)
	}
	return ""
}

// sure asks before something is removed; where nobody can be asked, --yes has
// to say so.
func (app *App) sure(question string, runs []checkpoint.Info) (bool, error) {
	if app.general.yes {
		return true, nil
	}
	if app.general.noInput || !app.attended() {
		return false, usagef("give --yes", "%s nobody can be asked", question)
	}
	for _, info := range runs {
		app.tell("%s  %s  %d rows  %s\n", info.ID, minuteOf(info.CreatedAt), info.Input.Rows, oneLine(info.Input.Path))
	}
	return app.ask(question)
}

// prune removes the runs, one after the other.
func (o *pruneOptions) prune(app *App, chosen []checkpoint.Info, out *pruneJSON) error {
	if len(chosen) == 0 {
		return nil
	}
	folder, err := readFolder(app)
	if err != nil {
		return err
	}
	for _, info := range chosen {
		p := prunedJSON{ID: info.ID, CreatedAt: info.CreatedAt.UTC(), Rows: info.Input.Rows, Bytes: folder.Size(info.ID), ReportDir: info.ReportDir}
		if !o.dryRun {
			p.Indexed, err = pruneRun(app, folder, info)
		}
		locked, held := errors.AsType[*checkpoint.LockedError](err)
		switch {
		case held && len(o.runs) == 0:
			out.Kept = append(out.Kept, keptJSON{info.ID, locked.Error()})
			continue
		case err != nil:
			return err
		}
		out.Pruned = append(out.Pruned, p)
	}
	return nil
}

// pruneRun removes one run, and returns how many goals of it stay in the index.
func pruneRun(app *App, folder *checkpoint.Folder, info checkpoint.Info) (indexed int, err error) {
	ctx := context.WithoutCancel(app.hard) // a run is removed or not
	run, err := app.lockRun(ctx, folder, info.ID, "runs prune")
	if err != nil {
		return 0, err
	}
	if why := mustKeep(app, run.Info()); why != "" { // by now
		return 0, errors.Join(usagef("", "run %s cannot be removed: %s", info.ID, why), run.Close())
	}
	shared, err := folder.Tenant(ctx, info.Tenant)
	if err != nil {
		return 0, errors.Join(err, run.Close())
	}
	defer func() { err = errors.Join(err, shared.Close()) }()
	if err := shared.Prune(ctx, run); err != nil {
		return 0, err
	}
	return shared.CreatedBy(ctx, info.ID)
}

func tellPruned(app *App, out pruneJSON) error {
	verb, bytes, reports := "removed", int64(0), 0
	if out.DryRun {
		verb = "would remove"
	}
	text := new(strings.Builder)
	for _, p := range out.Pruned {
		fmt.Fprintf(text, "%s run %s of %s: %d rows", verb, p.ID, minuteOf(p.CreatedAt), p.Rows)
		if p.Indexed > 0 {
			fmt.Fprintf(text, "; hashes and Gsids of %d goals stay against duplicates", p.Indexed)
		}
		fmt.Fprintln(text)
		bytes += p.Bytes
		if p.ReportDir != "" {
			reports++
		}
	}
	for _, k := range out.Kept {
		fmt.Fprintf(text, "kept run %s: %s\n", k.ID, oneLine(k.Why))
	}
	fmt.Fprintf(text, "%s %d runs, %.1f MB\n", verb, len(out.Pruned), float64(bytes)/1e6)
	if reports > 0 {
		fmt.Fprintln(text, "not removed, as they hold the same data: the input files, and the report folders:")
		for _, p := range out.Pruned {
			fmt.Fprintf(text, "  %s\n", oneLine(p.ReportDir))
		}
	}
	if _, err := app.stdout.Write([]byte(text.String())); err != nil {
		return fmt.Errorf("stdout: %w", err)
	}
	return nil
}
