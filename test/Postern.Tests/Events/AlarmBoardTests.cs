using Microsoft.Extensions.Time.Testing;
using Postern.Mta.Events;
using Postern.Mta.Store;

namespace Postern.Tests.Events;

public sealed class AlarmBoardTests
{
    readonly FakeTimeProvider clock = new(SampleEvents.At);

    [Fact]
    public void Raise_Twice_ChangesOnce()
    {
        var board = new AlarmBoard(clock);
        Assert.NotNull(board.Raise("login", "mailgun", "535", "mend"));
        Assert.Null(board.Raise("login", "mailgun", "535 again", "mend"));
        Assert.Equal("535", Assert.Single(board.Raised).Text);
        Assert.Equal(1, board.Counts["login"]);
    }

    [Fact]
    public void Clear_Twice_ChangesOnceAndRemovesTheObject()
    {
        var board = new AlarmBoard(clock);
        board.Raise("login", "mailgun", "535", "mend");
        var cleared = board.Clear("login", "mailgun");
        Assert.Equal(EventKind.AlarmCleared, cleared!.Event.Kind);
        Assert.Null(cleared.Row.Json);
        Assert.Null(board.Clear("login", "mailgun"));
        Assert.Empty(board.Raised);
    }

    [Fact]
    public void Restore_FromStoredObjects_StandsAgain()
    {
        var raised = new AlarmBoard(clock).Raise("pipe", "script", "no such file", "Correct argv.")!;
        var board = new AlarmBoard(clock);
        board.Restore([new StoredObject("alarm", raised.Row.Name, raised.Row.Json!.Value),
            new StoredObject("alarm", "x", "{"u8.ToArray())]);
        Assert.Equal(raised.Event.Alarm, Assert.Single(board.Raised));
        Assert.Null(board.Raise("pipe", "script", "", ""));
    }
}
