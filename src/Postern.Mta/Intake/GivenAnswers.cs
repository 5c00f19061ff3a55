using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json.Serialization;
using Postern.Mta.Queue;
using Postern.Mta.Store;

namespace Postern.Mta.Intake;

/// <summary>Answers to requests that brought a key of their own, so that the same request again is answered
/// and not obeyed again.</summary>
/// <remarks>
/// An answer is stored in the commit of the mail it is about: there is never one without the other. Beside
/// each stands a second object whose name begins with the moment, which is how the old ones are found.
/// </remarks>
public sealed class GivenAnswers
{
    /// <summary>The kinds of the store's objects.</summary>
    public const string ObjectKind = "answer";

    public const string AgeKind = "answer-age";

    /// <summary>A key is known for so long.</summary>
    public static readonly TimeSpan Kept = TimeSpan.FromDays(1);

    /// <summary>Forgotten in one commit, and in one round.</summary>
    const int ForgottenAtOnceMax = 500;

    const int CommitsPerRoundMax = 20;
    const int TicksDigits = 19;

    static readonly byte[] Nothing = "{}"u8.ToArray();

    readonly IMailStore store;
    readonly TimeProvider clock;
    readonly ObjectTable<GivenAnswer> table;
    readonly ConcurrentDictionary<string, bool> inWork = new(StringComparer.Ordinal);

    internal GivenAnswers(IMailStore store, TimeProvider clock)
    {
        this.store = store;
        this.clock = clock;
        table = new ObjectTable<GivenAnswer>(store, ObjectKind, AnswerJson.Default.GivenAnswer);
    }

    /// <summary>Takes a name until <see cref="Release"/>.</summary>
    /// <returns>False: somebody has it.</returns>
    public bool TryClaim(string name) => inWork.TryAdd(name, true);

    public void Release(string name) => inWork.TryRemove(name, out _);

    /// <summary>Null: nothing was answered under this name, or too long ago.</summary>
    public async ValueTask<GivenAnswer?> FindAsync(string name, CancellationToken cancel) =>
        await table.FindAsync(name, cancel).ConfigureAwait(false) is { } found && !IsOver(found.At)
            ? found : null;

    /// <summary>What keeps an answer.</summary>
    public IReadOnlyList<ObjectChange> Keep(string name, string request, int status, string body)
    {
        var now = clock.GetUtcNow();
        return
        [
            table.Put(name, new GivenAnswer(now, request, status, body)),
            new ObjectChange(AgeKind, AgeOf(now) + name, Nothing),
        ];
    }

    /// <summary>Forgets what is too old, a few commits at a time.</summary>
    internal async ValueTask SweepAsync(MessageQueue queue, CancellationToken cancel)
    {
        var gone = ForgottenAtOnceMax;
        for (var step = 0; gone == ForgottenAtOnceMax && step < CommitsPerRoundMax; step++)
            gone = await queue.ChangeObjectsAsync(changes => ForgetAsync(changes, cancel), cancel)
                .ConfigureAwait(false);
    }

    async ValueTask<int> ForgetAsync(ICollection<ObjectChange> changes, CancellationToken cancel)
    {
        var range = new ObjectRange(AgeKind, "", ForgottenAtOnceMax)
        {
            Before = AgeOf(clock.GetUtcNow() - Kept),
        };
        var old = await store.ListObjectsAsync(range, cancel).ConfigureAwait(false);
        foreach (var age in old)
        {
            changes.Add(new ObjectChange(AgeKind, age.Name, null));
            var name = age.Name[(TicksDigits + 1)..];
            // A name may have been used again since.
            if (await table.FindAsync(name, cancel).ConfigureAwait(false) is { } answer && IsOver(answer.At))
                changes.Add(table.Remove(name));
        }
        return old.Count;
    }

    bool IsOver(DateTimeOffset at) => clock.GetUtcNow() - at >= Kept;

    static string AgeOf(DateTimeOffset at) =>
        at.UtcTicks.ToString($"D{TicksDigits}", CultureInfo.InvariantCulture) + "/";
}

/// <summary>An answer that was given.</summary>
/// <param name="Request">A hash of what was asked.</param>
public sealed record GivenAnswer(DateTimeOffset At, string Request, int Status, string Body);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.KebabCaseLower)]
[JsonSerializable(typeof(GivenAnswer))]
sealed partial class AnswerJson : JsonSerializerContext;
