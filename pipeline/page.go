package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gsbatch/checkpoint"
	"gsbatch/gainsight"
	"gsbatch/validate"
	"gsbatch/writers"
)

// The bounds of a page's lists, so that it stays small whatever the run.
const (
	pageKinds    = 40 // of problems
	pageTexts    = 6  // of a kind
	pagePlaces   = 5  // of a text
	pageDoubts   = 25
	pageSessions = 500
)

// gatherPage gathers what report.html tells of a run beside its rows: views of
// the checkpoint, of which each is a sum or the first of many.
func gatherPage(ctx context.Context, run *checkpoint.Run, p *writers.Page) error {
	info := run.Info()
	p.Object, p.State = object(info.Object).name(), string(info.State)
	for _, gather := range []func(context.Context, *checkpoint.Run, *writers.Page) error{pageProblems, pageUnsettled, pageTimeline} {
		if err := gather(ctx, run, p); err != nil {
			return err
		}
	}
	return nil
}

// page adds what is known once the tables stand.
func (r *reporter) page(p *writers.Page, cfg *ReportConfig) error {
	info := r.run.Info()
	p.Summary, p.Version, p.Settle = cfg.Summary, cfg.Version, cfg.Settle
	p.Unsent = info.State == checkpoint.Finished && cfg.Summary.ExitCode == cfg.Unsent && cfg.Unsent != 0
	p.Actions, p.Written, p.Planned = pageActions(r.actions), time.Now(), info.CreatedAt
	p.Mapping, p.Settings = info.ValueMaps, settingsOf(&info)
	for _, path := range r.Files {
		file := writers.PageFile{Name: filepath.Base(path), Rows: -1}
		if n, table := r.lengths[file.Name]; table {
			file.Rows = n
		}
		if stat, err := os.Lstat(path); err == nil { // else its size is left out
			file.Size = stat.Size()
		}
		p.Files = append(p.Files, file)
	}
	var summary bytes.Buffer
	if err := writers.EncodeSummary(&summary, cfg.Summary); err != nil {
		return err
	}
	p.Files = append(p.Files, writers.PageFile{Name: summaryFile, Size: int64(summary.Len()), Rows: -1})
	return nil
}

// pageActions are the rows by what was planned, what was not last.
func pageActions(counts map[string]*checkpoint.Counts) []writers.Planned {
	var list []writers.Planned
	for _, action := range slices.Sorted(maps.Keys(counts)) {
		list = append(list, writers.Planned{Action: action, Counts: writers.Counts(*counts[action])})
	}
	if len(list) > 1 && list[0].Action == "" {
		list = append(list[1:], list[0])
	}
	return list
}

// pageProblems groups what has to be mended.
func pageProblems(ctx context.Context, run *checkpoint.Run, p *writers.Page) error {
	kinds, more, err := run.Kinds(ctx, checkpoint.KindLimits{Kinds: pageKinds, Texts: pageTexts, Places: pagePlaces})
	if err != nil {
		return err
	}
	p.MoreOf = more
	file := filepath.Base(run.Info().Input.Path)
	for _, k := range kinds {
		kind := writers.ProblemKind{Warning: k.Status == checkpoint.Pending, Header: k.Header, Status: string(k.Status),
			Code: k.Code, Field: k.Field, Rows: k.Rows, Others: k.Others}
		for _, a := range k.Texts {
			sample := writers.Sample{Rows: a.Rows, Message: a.Message, Mend: a.Mend}
			for _, place := range a.Places {
				sample.Places = append(sample.Places, shortPlace(file, place))
			}
			kind.Samples = append(kind.Samples, sample)
		}
		p.Kinds = append(p.Kinds, kind)
	}
	return nil
}

// shortPlace is a place within its file: Goals!C42, line 7 for 7:12.
func shortPlace(file, place string) string {
	within, cut := strings.CutPrefix(place, file+":")
	if !cut {
		return place
	}
	line, _, _ := strings.Cut(within, ":")
	if strings.Trim(line, "0123456789") == "" {
		return "line " + line
	}
	return within
}

// pageUnsettled lists rows in doubt, with the goals that their reasons name.
func pageUnsettled(ctx context.Context, run *checkpoint.Run, p *writers.Page) error {
	list, err := run.UnsettledRows(ctx, pageDoubts)
	if err != nil {
		return err
	}
	for _, u := range list {
		d := writers.Doubt{Line: u.Line, Name: u.Name, Action: u.Action, Status: string(u.Status), Reason: u.Reason}
		switch u.Action {
		case string(validate.Create):
			d.Candidates = gsidsIn(u.Reason)
		case string(validate.Update):
			d.Candidates = []string{u.Gsid} // no other can be decided for it
		}
		p.Doubts = append(p.Doubts, d)
	}
	return nil
}

// gsidsIn are the Gsids that a text of ours names, at most maxCandidates.
func gsidsIn(text string) []string {
	var found []string
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return (r < 'A' || r > 'Z') && (r < '0' || r > '9') }) {
		if isGsid(word) && !slices.Contains(found, word) && len(found) < maxCandidates {
			found = append(found, word)
		}
	}
	return found
}

// pageTimeline tells when calls were made, and by which processes.
func pageTimeline(ctx context.Context, run *checkpoint.Run, p *writers.Page) error {
	sessions, total, err := run.Sessions(ctx, pageSessions)
	if err != nil {
		return err
	}
	line, err := run.Timeline(ctx, gainsight.Throttles)
	if err != nil {
		return err
	}
	t := &p.Timeline
	t.Records = !object(p.Object).isGoals()
	t.Width, t.Earlier = time.Duration(line.Width)*time.Millisecond, total-len(sessions)
	for _, s := range line.Slots {
		t.Slots = append(t.Slots, writers.CallSlot{At: time.UnixMilli(s.At), Done: s.Done, Refused: s.Refused, Throttled: s.Throttled, Lost: s.Lost})
	}
	for _, s := range line.Throttled {
		t.Throttled = append(t.Throttled, writers.Stretch{From: time.UnixMilli(s.From), Until: time.UnixMilli(s.Until)})
	}
	for _, s := range sessions {
		one := writers.Session{Began: time.UnixMilli(s.Began), Why: s.Why, PerMinute: s.PerMinute}
		if s.Ended > 0 {
			one.Ended = time.UnixMilli(s.Ended)
		}
		t.Sessions = append(t.Sessions, one)
	}
	return nil
}

// settingsOf are the settings that the run keeps, and what it has to do with
// other runs. Where keys lie is nobody's business who gets the page.
func settingsOf(info *checkpoint.Info) []writers.Setting {
	var list []writers.Setting
	for _, other := range []writers.Setting{{Name: "Follows run", Value: info.Parent}, {Name: "Mends the goals of run", Value: info.Amends}, {Name: "Superseded by run", Value: info.Superseded}} {
		if other.Value != "" {
			list = append(list, other)
		}
	}
	kept := map[string][]string{}
	if err := json.Unmarshal(info.Settings, &kept); err != nil {
		return list // written by another version
	}
	for _, name := range slices.Sorted(maps.Keys(kept)) {
		if strings.HasPrefix(name, "access-key") {
			continue
		}
		list = append(list, writers.Setting{Name: "--" + name, Value: strings.Join(kept[name], ", ")})
	}
	return list
}
