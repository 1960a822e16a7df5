package pipeline

import (
	"context"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gsbatch/checkpoint"
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

// page gathers what report.html tells: views of the checkpoint, of which each
// is a sum or the first of many.
func page(ctx context.Context, run *checkpoint.Run, cfg *ReportConfig, files []string, rows map[string]int) (*writers.Page, error) {
	info := run.Info()
	p := &writers.Page{
		Summary: cfg.Summary, Object: info.Object, State: string(info.State), Version: cfg.Version,
		Unsent:  info.State == checkpoint.Finished && cfg.Summary.ExitCode == cfg.Unsent && cfg.Unsent != 0,
		Written: time.Now(), Planned: info.CreatedAt, Mapping: info.ValueMaps, Settle: cfg.Settle, Settings: settingsOf(&info),
	}
	for _, gather := range []func(context.Context, *checkpoint.Run, *writers.Page) error{pageActions, pageProblems, pageUnsettled, pageTimeline} {
		if err := gather(ctx, run, p); err != nil {
			return nil, err
		}
	}
	for _, path := range files {
		file := writers.PageFile{Name: filepath.Base(path), Rows: -1}
		if n, table := rows[file.Name]; table {
			file.Rows = n
		}
		if stat, err := os.Lstat(path); err == nil { // else its size is left out
			file.Size = stat.Size()
		}
		p.Files = append(p.Files, file)
	}
	return p, nil
}

// pageActions sums the rows up by what was planned.
func pageActions(ctx context.Context, run *checkpoint.Run, p *writers.Page) error {
	tallies, err := run.Tally(ctx)
	if err != nil {
		return err
	}
	byAction := map[string]*checkpoint.Counts{}
	for _, t := range tallies {
		c := byAction[t.Action]
		if c == nil {
			c = &checkpoint.Counts{}
			byAction[t.Action] = c
		}
		c.Rows += t.Rows
		*c.Of(t.Status) += t.Rows
	}
	for _, action := range append(slices.DeleteFunc(slices.Sorted(maps.Keys(byAction)), func(a string) bool { return a == "" }), "") {
		if c := byAction[action]; c != nil {
			p.Actions = append(p.Actions, writers.Planned{Action: action, Counts: writers.Counts(*c)})
		}
	}
	return nil
}

// pageProblems groups what has to be mended.
func pageProblems(ctx context.Context, run *checkpoint.Run, p *writers.Page) error {
	list, more, err := run.Alike(ctx, pageKinds, pageTexts, pagePlaces)
	if err != nil {
		return err
	}
	p.MoreOf = more
	file := filepath.Base(run.Info().Input.Path)
	for i := range list {
		a := &list[i]
		last := len(p.Kinds) - 1
		if i == 0 || list[i-1].Status != a.Status || list[i-1].Code != a.Code || list[i-1].Field != a.Field {
			p.Kinds = append(p.Kinds, writers.ProblemKind{Warning: a.Status == checkpoint.Pending, Status: string(a.Status),
				Code: a.Code, Field: a.Field, Rows: a.Rows, Texts: a.Texts})
			last++
		}
		kind := &p.Kinds[last]
		place := shortPlace(file, a.Place)
		if n := len(kind.Samples); n > 0 && list[i-1].Text == a.Text && list[i-1].Code == a.Code {
			kind.Samples[n-1].Places = append(kind.Samples[n-1].Places, place)
			continue
		}
		kind.Samples = append(kind.Samples, writers.Sample{Rows: a.Same, Value: a.Value, Message: a.Message, Mend: a.Mend, Places: []string{place}})
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
		if u.Action == string(validate.Update) {
			d.Candidates = []string{u.Gsid} // no other can be decided for it
		} else {
			d.Candidates = gsidsIn(u.Reason)
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
	line, err := run.Timeline(ctx)
	if err != nil {
		return err
	}
	t := &p.Timeline
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
