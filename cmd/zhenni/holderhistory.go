package main

import (
	"context"
	"slices"
	"time"

	sdk "zhenni/holder"
)

type holderHistory struct {
	phoneFlags
	URL  string `name:"url" default:"http://127.0.0.1:8080" env:"ZHENNI_URL" help:"Server to ask (default ${default})."`
	CA   string `name:"ca" type:"path" env:"ZHENNI_CA" placeholder:"FILE" help:"Certificates in PEM to trust instead of the system's."`
	From string `placeholder:"PLACE" help:"Begin where an export before says next."`
	Most int    `default:"100000" placeholder:"N" help:"Export at most so many questions, a page more or less (default ${default})."`
	Link bool   `help:"Print the address of the page that shows it, good for a minute, and ask for nothing."`
}

// Help is shown by zhenni holder history --help.
func (holderHistory) Help() string {
	return `Exports who asked about the credential on this phone, the newest first, as one JSON object: entries, since when there are any, and the gaps of which some may be missing. The phone signs for it; no party is asked for it, and the server has no more of it than this.

Example:

    zhenni holder history --keys phone.keys --url https://id.example:8443 > asked.json`
}

// Run exports the history.
func (c *holderHistory) Run(ctx context.Context, out *output) error {
	if c.Most < 1 {
		return usage("--most: want 1 or more")
	}
	phone, err := c.open()
	if err != nil {
		return err
	}
	defer phone.Forget()
	if c.Link {
		link, err := phone.ReadingLink(time.Now())
		if err != nil {
			return usage("%w", err)
		}
		return out.Print("%s/me#%s", c.URL, link)
	}
	seats, err := seatFlags{URL: c.URL, CA: c.CA}.server()
	if err != nil {
		return err
	}
	exported := sdk.HistoryPage{Entries: []sdk.Asked{}, Gaps: []sdk.HistoryGap{}, Next: c.From}
	for more := true; more && len(exported.Entries) < c.Most; more = exported.Next != "" {
		page, err := c.page(ctx, seats, phone, exported.Next)
		if err != nil {
			return answered(err)
		}
		if page.Next != "" && len(page.Entries) == 0 {
			return environment("the server goes on without an entry")
		}
		page.Entries, page.Gaps = append(exported.Entries, page.Entries...), withGaps(exported.Gaps, page.Gaps)
		exported = page
	}
	return out.JSON(exported)
}

// withGaps adds the gaps of a page to those of the pages before it, with which it may share one.
func withGaps(gaps, more []sdk.HistoryGap) []sdk.HistoryGap {
	for _, g := range more {
		if !slices.Contains(gaps, g) {
			gaps = append(gaps, g)
		}
	}
	return gaps
}

// page asks for one page.
func (c *holderHistory) page(ctx context.Context, seats *sdk.Seats, phone *sdk.Phone, next string) (sdk.HistoryPage, error) {
	ctx, cancel := context.WithTimeout(ctx, holderTimeout)
	defer cancel()
	return seats.History(ctx, phone, next, time.Now())
}
