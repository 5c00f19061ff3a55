namespace Postern.Mta.Queue;

/// <summary>The room that open lanes have for mail of closed ones, while one change is made.</summary>
/// <remarks>A message counts once for each lane, since its recipients travel together.</remarks>
sealed class GuestRooms(Dispatcher dispatcher)
{
    readonly Dictionary<string, (int Left, QueueId Last)> rooms = new(StringComparer.Ordinal);

    public bool TryTake(string lane, QueueId message)
    {
        if (!rooms.TryGetValue(lane, out var room))
            room = (dispatcher.RoomForGuests(lane), default);
        if (room.Last == message)
            return true;
        var isThere = room.Left > 0;
        if (isThere)
            room = (room.Left - 1, message);
        else
            dispatcher.NoteWanted(lane);
        rooms[lane] = room;
        return isThere;
    }
}
