package systems

import (
	"fmt"
	"slices"
	"testing"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/systems/gossip/core"
)

// TestGossip: what is written at one member is read at the others; the member that leads is the one
// that the seed draws, and another while that one is dead; and a member that comes back has what it
// missed.
func TestGossip(t *testing.T) {
	c := start(t, word(t, "gossip", "--gossip-interval=50ms", "--seed=3"), 95, 3)
	first := c.dial(c.members[0])
	if op := c.write(first, "k", "v"); op.Member != "n1" || op.Revision == 0 {
		t.Errorf("%v", op)
	}
	reads := func(i int, want string) {
		t.Helper()
		client := c.dial(c.members[i])
		c.eventually("it is read at "+c.members[i].Name, func() error {
			if op := client.Do(c.ctx(), reckon.Op{Kind: history.Read, Key: "k"}); op.Outcome != history.OK || op.Value != want {
				return fmt.Errorf("%v", op)
			}
			return nil
		})
	}
	reads(1, "v")
	reads(2, "v")
	leader, err := c.leads()
	if err != nil {
		t.Fatal(err)
	}
	c.kill(leader)
	if next, err := c.leads(); err != nil || next.Name == leader.Name {
		t.Errorf("with %s dead leads %s, %v", leader.Name, next.Name, err)
	}
	for i, m := range c.members {
		if m.Name != leader.Name {
			c.write(c.dial(c.members[i]), "k", "w")
			break
		}
	}
	c.run(leader)
	c.ready(c.members...)
	for i := range c.members {
		reads(i, "w")
	}
	if again, err := c.leads(); err != nil || again.Name != leader.Name {
		t.Errorf("with all alive leads %s, and before %s: %v", again.Name, leader.Name, err)
	}
}

// TestGossipRefusesTuning: nonsense is refused before anything is started.
func TestGossipRefusesTuning(t *testing.T) {
	for _, flag := range []string{"--gossip-interval=1ms", "--gossip-contacts=0", "--gossip-fanout=-1", "--ack-timeout=0", "--max-clock-offset=2h", "--gossip-defect=none"} {
		if err := word(t, "gossip", flag).(reckon.Validator).Validate(reckon.Setting{}); err == nil {
			t.Errorf("%s was taken", flag)
		}
	}
	if err := word(t, "gossip").(reckon.Validator).Validate(reckon.Setting{}); err != nil {
		t.Error(err)
	}
}

// TestGossipRefusals: each refusal that counts as definite is worded as the store words it, so that
// none becomes unknown in silence.
func TestGossipRefusals(t *testing.T) {
	for _, err := range []error{core.ErrNotReady, core.ErrCatching, core.ErrLeaving, core.ErrForgotten, core.ErrFull, core.ErrDisk} {
		if !slices.Contains(gossipRefusals, "gossip: "+err.Error()) {
			t.Errorf("%v is no refusal", err)
		}
	}
	if slices.Contains(gossipRefusals, "gossip: "+core.ErrUnknown.Error()) || len(gossipRefusals) != 6 {
		t.Errorf("%q", gossipRefusals)
	}
}
