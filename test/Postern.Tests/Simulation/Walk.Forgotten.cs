using Postern.Mta.Events;
using Postern.Mta.Queue;
using Postern.Smtp;

namespace Postern.Tests.Simulation;

/// <summary>People who ask to be forgotten while mail goes on.</summary>
sealed partial class Walk
{
    readonly HashSet<string> forgotten = [];

    void Forget(Mailbox who, bool takesDeadLetters) => process.TryBegin(async () =>
    {
        Say($"{who} asks to be forgotten");
        forgotten.Add(who.ToString());
        using var anonymiser = new Anonymiser(process.Queue, process.Store, index: null);
        await anonymiser.RunAsync(
            new AnonymiseRequest(who) { TakesDeadLetters = takesDeadLetters }, CancellationToken.None);
    });

    /// <summary>All mail is done: nobody who asked may be named anywhere after they have asked again,
    /// whatever came between the first time and its end.</summary>
    void FinishForgetting()
    {
        foreach (var address in forgotten.Order(StringComparer.Ordinal).ToList())
        {
            if (!Mailbox.TryParse(address, out var who))
                continue;
            Forget(who, takesDeadLetters: true);
            while (!process.Gated.IsCompleted && process.Store.WaitingCount > 0)
                process.Store.Settle(int.MaxValue);
            if (!process.Gated.IsCompletedSuccessfully)
                ledger.Break($"{address} is not forgotten: {process.Gated.Exception}");
            CheckForgotten(who);
        }
    }

    void CheckForgotten(Mailbox who)
    {
        var events = new AnonymousEvents(SoughtAddress.Of(who, []));
        var read = process.Store.ReadEventsAfterAsync(0, int.MaxValue, CancellationToken.None).AsTask();
        foreach (var (seq, fact) in read.GetAwaiter().GetResult())
        {
            if (!ReferenceEquals(events.Rewrite(fact, MessagePart.None), fact))
                ledger.Break($"event {seq}, {fact.Kind} of {fact.Message}, names {who}, who was forgotten");
        }
    }
}
