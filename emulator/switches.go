package emulator

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Switches are the settings of a tenant that may change while it runs. The
// zero value behaves as the specification's page shows, without limits, delays
// or faults. The textual form is that of ParseSwitches; Settings lists the names.
type Switches struct {
	Limit Limit // calls in a window; zero: no limit
	Daily int   // calls in a day of UTC; 0: no cap

	Latency time.Duration // before each API call is carried out
	Jitter  time.Duration // up to so much more
	Skew    time.Duration // added to the tenant's clock

	Strict        bool // operators and expressions of the page only, and the metric paths without /v1
	Ambiguous     bool // a second status "On Track" and a second goal type "Adoption" exist
	RetryAfter    bool // 429 carries a Retry-After header
	MaxPageSize   int  // 0: 1000
	RevokedAfter  int  // the key is refused after so many calls; 0: never
	ThrottleCode  string
	ErrorStyle    string
	PicklistCalls string
	Children      string
	PickedMetrics string
	Selected      string
	Order         string
	EmptyPage     string
	TemplateFetch string
	MetricValues  string

	Faults    [faultCount]float64 // probability of each fault
	Next      [faultCount]int     // calls that get the fault next, before any probability
	FaultsOn  string              // endpoints that faults befall, joined with +; "": all
	FaultKey  string              // what a fault is drawn from: "" is name
	SlowDelay time.Duration       // of the faults slow and stall; 0: 35 s
	LateDelay time.Duration       // of the fault late; 0: 5 s
}

// Setting describes one setting of the textual form.
type Setting struct {
	Name    string // fault.drop_after
	Form    string // what may follow the equals sign
	Default string
	Help    string // one line
}

type setting struct {
	Setting
	get func(*Switches) string
	set func(*Switches, string) error
}

// Settings lists every setting of the textual form, in the order of the help text.
func Settings() []Setting {
	all := settings()
	list := make([]Setting, len(all))
	for i, s := range all {
		list[i] = s.Setting
	}
	return list
}

// ParseSwitches reads settings of the form name=value, joined with commas:
//
//	limit=100/60s:fixed,fault.drop_after=0.05,next.cut=1
//
// A name that stands alone means name=on. The error names the setting.
func ParseSwitches(text string) (Switches, error) { return Switches{}.With(text) }

// With returns a copy changed by text, in the form of ParseSwitches. The name
// "defaults", without a value, puts everything back first.
func (s Switches) With(text string) (Switches, error) {
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		switch part {
		case "":
			continue
		case "defaults":
			s = Switches{}
			continue
		}
		name, value, found := strings.Cut(part, "=")
		if !found {
			value = "on"
		}
		if err := s.set(strings.TrimSpace(name), strings.TrimSpace(value)); err != nil {
			return s, err
		}
	}
	return s, s.check()
}

// String returns the textual form, without the settings that stand at their default.
func (s Switches) String() string {
	var parts []string
	for _, one := range settings() {
		if v := one.get(&s); v != one.Default {
			parts = append(parts, one.Name+"="+v)
		}
	}
	return strings.Join(parts, ",")
}

func (s *Switches) set(name, value string) error {
	for _, one := range settings() {
		if one.Name != name {
			continue
		}
		if err := one.set(s, value); err != nil {
			return fmt.Errorf("emulator setting %s: %q: %w; want %s", name, value, err, one.Form)
		}
		return nil
	}
	return fmt.Errorf("emulator setting %q is unknown; the list of settings stands in the help", name)
}

func (s *Switches) check() error {
	sum := 0.0
	for _, p := range s.Faults {
		sum += p
	}
	if sum > 1.0000001 {
		return fmt.Errorf("emulator settings fault.*: the probabilities add up to %g; at most 1 fits, for a call has one fault", sum)
	}
	return nil
}

func (s *Switches) maxPageSize() int {
	if s.MaxPageSize == 0 {
		return 1000
	}
	return s.MaxPageSize
}

func settings() []setting {
	list := []setting{
		limitSetting(),
		whole("daily", "calls in a day of UTC, refused calls not counted; 0: no cap", func(s *Switches) *int { return &s.Daily }),
		duration("latency", "delay before each call is carried out", 0, func(s *Switches) *time.Duration { return &s.Latency }),
		duration("jitter", "up to so much more latency, drawn for each call", 0, func(s *Switches) *time.Duration { return &s.Jitter }),
		duration("skew", "added to the tenant's clock; may be negative", 0, func(s *Switches) *time.Duration { return &s.Skew }),
		choice("throttle.code", "errorCode of a 429", func(s *Switches) *string { return &s.ThrottleCode }, "GS_APIG_2404", "GU_2400", "both"),
		onOff("throttle.retry_after", "a 429 carries Retry-After, in whole seconds", func(s *Switches) *bool { return &s.RetryAfter }),
		onOff("strict", "know only what the page shows: EQ, STARTS_WITH, CONTAINS, AND, metric paths without /v1", func(s *Switches) *bool { return &s.Strict }),
		choice("errors", "form of refusals: as in the page's samples (exception with 500, VC_80xx), or as in its table (400, bare 80xx)", func(s *Switches) *string { return &s.ErrorStyle }, "samples", "table"),
		choice("picklist.method", "methods of the picklist call; others get 405", func(s *Switches) *string { return &s.PicklistCalls }, "both", "post", "get"),
		choice("picklist.children", "form of childPicklistIds: ids by category, a list, or none and no linkage of statuses to goal types", func(s *Switches) *string { return &s.Children }, "category", "list", "none"),
		choice("picklist.metrics", "form of the metrics of a picklist: a list, or lists by goal type", func(s *Switches) *string { return &s.PickedMetrics }, "list", "map"),
		onOff("ambiguous", `a second status "On Track" and a second goal type "Adoption" exist`, func(s *Switches) *bool { return &s.Ambiguous }),
		choice("select", "fields of a fetched goal: some more than selected, as on the page, or exactly those and Gsid", func(s *Switches) *string { return &s.Selected }, "page", "exact"),
		whole("max_page_size", "largest pageSize; 0: 1000", func(s *Switches) *int { return &s.MaxPageSize }),
		choice("order", "order of fetched records", func(s *Switches) *string { return &s.Order }, "insertion", "newest", "unstable"),
		choice("empty_page", "answer to a page without records: an empty list, or the error GSOBJ_1011", func(s *Switches) *string { return &s.EmptyPage }, "list", "error"),
		choice("template_fetch", "answer of the template fetch: bare as on the page, or in the usual envelope", func(s *Switches) *string { return &s.TemplateFetch }, "bare", "envelope"),
		choice("metric_values", "an actualValue of a timestamp that is there already", func(s *Switches) *string { return &s.MetricValues }, "append", "replace"),
		whole("key.revoked_after", "the key is refused (401) after so many calls; 0: never", func(s *Switches) *int { return &s.RevokedAfter }),
	}
	return append(list, faultSettings()...)
}

func faultSettings() []setting {
	list := []setting{
		faultScope(),
		choice("faults.by", "what a fault is drawn from beside the seed: the record's name and attempt, or the call's ordinal", func(s *Switches) *string { return &s.FaultKey }, "name", "ordinal"),
		duration("slow.delay", "delay of the faults slow and stall", 35*time.Second, func(s *Switches) *time.Duration { return &s.SlowDelay }),
		duration("late.delay", "delay of the fault late", 5*time.Second, func(s *Switches) *time.Duration { return &s.LateDelay }),
	}
	for f := range faultCount {
		list = append(list,
			rate("fault."+f.name(), f.help(), func(s *Switches) *float64 { return &s.Faults[f] }),
			whole("next."+f.name(), "so many of the next calls get this fault", func(s *Switches) *int { return &s.Next[f] }))
	}
	return list
}

func whole(name, help string, at func(*Switches) *int) setting {
	return setting{
		Setting{name, "a whole number from 0", "0", help},
		func(s *Switches) string { return strconv.Itoa(*at(s)) },
		func(s *Switches, v string) error {
			n, err := strconv.Atoi(v)
			if err != nil || n < 0 {
				return fmt.Errorf("no whole number from 0")
			}
			*at(s) = n
			return nil
		},
	}
}

func rate(name, help string, at func(*Switches) *float64) setting {
	return setting{
		Setting{name, "a probability from 0 to 1", "0", help},
		func(s *Switches) string { return strconv.FormatFloat(*at(s), 'g', -1, 64) },
		func(s *Switches, v string) error {
			p, err := strconv.ParseFloat(v, 64)
			if err != nil || !(p >= 0 && p <= 1) {
				return fmt.Errorf("no number from 0 to 1")
			}
			*at(s) = p
			return nil
		},
	}
}

func onOff(name, help string, at func(*Switches) *bool) setting {
	return setting{
		Setting{name, "on or off", "off", help},
		func(s *Switches) string {
			if *at(s) {
				return "on"
			}
			return "off"
		},
		func(s *Switches, v string) error {
			if v != "on" && v != "off" {
				return fmt.Errorf("neither on nor off")
			}
			*at(s) = v == "on"
			return nil
		},
	}
}

// choice is a setting of a few words; the first is the default and kept as "".
func choice(name, help string, at func(*Switches) *string, words ...string) setting {
	return setting{
		Setting{name, strings.Join(words, ", "), words[0], help},
		func(s *Switches) string {
			if *at(s) == "" {
				return words[0]
			}
			return *at(s)
		},
		func(s *Switches, v string) error {
			for i, w := range words {
				if w == v {
					*at(s) = v
					if i == 0 {
						*at(s) = ""
					}
					return nil
				}
			}
			return fmt.Errorf("unknown word")
		},
	}
}

// duration is a setting of a duration; def stands for zero.
func duration(name, help string, def time.Duration, at func(*Switches) *time.Duration) setting {
	return setting{
		Setting{name, "a duration such as 250ms or 5s", def.String(), help},
		func(s *Switches) string {
			if *at(s) == 0 {
				return def.String()
			}
			return at(s).String()
		},
		func(s *Switches, v string) error {
			d, err := time.ParseDuration(v)
			if err != nil {
				return fmt.Errorf("no duration")
			}
			if d < 0 && name != "skew" {
				return fmt.Errorf("a negative duration")
			}
			*at(s) = d
			return nil
		},
	}
}
