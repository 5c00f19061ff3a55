using System.Diagnostics;
using Postern.Mta.Queue;

namespace Postern.Dashboard;

sealed partial class KoreanWords
{
    public override string QueueState(RecipientState state) => state switch
    {
        RecipientState.Ready => "대기",
        RecipientState.Active => "전송 중",
        RecipientState.Deferred => "지연",
        RecipientState.Held => "보류",
        RecipientState.Done => "완료",
        _ => throw new UnreachableException(),
    };

    public override string QueueCause(WaitCause cause) => cause switch
    {
        WaitCause.BeingAttempted => "전송 시도 중",
        WaitCause.BehindOthers => "앞선 메일 대기",
        WaitCause.RateLimit => "속도 제한",
        WaitCause.NextHopDown => "다음 홉 장애",
        WaitCause.LaneClosed => "레인 닫힘",
        WaitCause.Alarm => "경보",
        WaitCause.NoRoute => "라우트 없음",
        WaitCause.Held => "보류",
        WaitCause.Greylisted => "그레이리스팅",
        WaitCause.RetryTime => "재시도 시각 대기",
        WaitCause.Scheduled => "예약 발송",
        WaitCause.Uncertain => "결과 불확실",
        WaitCause.Done => "종료",
        _ => throw new UnreachableException(),
    };

    public override string? QueueCauseMeans(WaitCause cause) => cause switch
    {
        WaitCause.BeingAttempted => "지금 전송을 시도하고 있습니다.",
        WaitCause.BehindOthers => "앞선 메일이 먼저 나갑니다. 기다리면 차례가 옵니다.",
        WaitCause.RateLimit => "전송 경로의 속도 한도를 다 썼습니다. 한도가 풀리면 자동으로 나갑니다.",
        WaitCause.NextHopDown => "다음 홉에 장애가 있습니다. 복구되면 자동으로 다시 보냅니다.",
        WaitCause.LaneClosed =>
            "다른 메일을 보내다가 다음 홉의 장애를 확인하여 레인을 닫았습니다. 복구되면 자동으로 다시 보냅니다.",
        WaitCause.Alarm =>
            "운영자가 조치해야 하는 문제입니다. 해결될 때까지 메일은 반송되지 않고 큐에서 기다립니다.",
        WaitCause.NoRoute => "이 메일이 나갈 라우트나 전송 경로가 설정에 없습니다.",
        WaitCause.Held => "보류된 메일입니다. 보류를 해제하거나 취소할 때까지 큐에 남습니다.",
        WaitCause.Greylisted => "상대 서버가 그레이리스팅으로 미루었습니다. 다음 시도는 대개 받아 줍니다.",
        WaitCause.RetryTime => "상대 서버가 나중에 다시 보내라고 답했습니다. 예정된 시각에 자동으로 다시 보냅니다.",
        WaitCause.Scheduled => "보낸 사람이 정한 시각까지 기다립니다.",
        WaitCause.Uncertain =>
            "응답을 받지 못해 이미 배달되었을 수 있습니다. 같은 메일이 두 번 가지 않도록 기다립니다.",
        WaitCause.Done => null,
        _ => throw new UnreachableException(),
    };

    public override string QueueDo(QueueCommand command) => command switch
    {
        QueueCommand.Hold => "보류",
        QueueCommand.Release => "보류 해제",
        QueueCommand.Retry => "지금 재시도",
        QueueCommand.Cancel => "취소",
        QueueCommand.Expire => "만료 처리",
        _ => throw new UnreachableException(),
    };

    public override string QueueDoThese(QueueCommand command) => command switch
    {
        QueueCommand.Hold => "이 메일 보류",
        QueueCommand.Release => "이 메일 보류 해제",
        QueueCommand.Retry => "이 메일 지금 재시도",
        QueueCommand.Cancel => "이 메일 취소",
        QueueCommand.Expire => "이 메일 만료 처리",
        _ => throw new UnreachableException(),
    };

    public override string QueueDoes(QueueCommand command) => command switch
    {
        QueueCommand.Hold => "해제할 때까지 전송하지 않습니다.",
        QueueCommand.Release => "전송을 다시 시작하고, 보관 기한을 처음부터 다시 셉니다.",
        QueueCommand.Retry => "지연된 메일을 지금 다시 보내고, 닫힌 레인을 지금 점검합니다.",
        QueueCommand.Cancel => "아무에게도 알리지 않고 끝냅니다. 되돌릴 수 없습니다.",
        QueueCommand.Expire => "보관 기한이 끝난 것으로 처리하고 보낸 사람에게 알립니다. 되돌릴 수 없습니다.",
        _ => throw new UnreachableException(),
    };

    public override string WaitsByAge => "다음 홉과 경과 시간별 대기";
    public override string AgeExplained => "메시지의 경과 시간(분)별 수신자 수입니다. 10초마다 집계하며, 큐가 길면 더 드물게 집계합니다.";
    public override string NextHopWord => "다음 홉";
    public override string OtherHops => "그 밖의 다음 홉";
    public override string NoHopYet => "라우트 미정";
    public override string Total => "합계";
    public override string HeldMail => "보류";
    public override string NothingWaits => "대기 중인 메일이 없습니다.";

    public override string QueuedMessages => "큐에 있는 메시지";
    public override string AnyState => "전체";
    public override string DeadLetters => "배달 불능 메일";
    public override string OrderWord => "정렬";
    public override string NewestFirst => "최신순";
    public override string OldestFirst => "오래된 순";
    public override string SendingDomain => "발신 도메인";
    public override string ArrivedBefore => "이 시각 이전 도착 (UTC)";
    public override string ArrivedAfter => "이 시각 이후 도착 (UTC)";
    public override string PatternExplained => "주소에는 라우트와 같은 패턴을 쓸 수 있습니다. 예: a@b.example, *@b.example";
    public override string FilterUnread => "필터를 해석할 수 없습니다.";
    public override string Arrived => "도착";
    public override string NextTry => "다음 시도";
    public override string LastReason => "마지막 사유";
    public override string MarkMessage(string id) => $"{id} 선택";
    public override string MarkAll => "이 페이지 전체 선택";
    public override string WithMarked => "선택한 메시지:";
    public override string WithAllThatFit => "다른 페이지까지 조건에 맞는 전체:";
    public override string NothingFitsYet => "지금까지 살펴본 메시지 중에는 없지만, 아직 남은 메시지가 있습니다.";
    public override string LookedAtSome => "이 페이지는 큐의 일부만 살펴본 결과입니다.";
    public override string GoOn => "계속 찾기";
    public override string AndMore(int count) => $"외 {Number(count)}명";

    public override string WhichIsAll => "큐에 있는 모든 메일";
    public override string WhichAre(string state) => $"상태가 {state}인 메일";
    public override string WhichAreDeadLetters => "최종 실패해 보관 중인 배달 불능 메일";
    public override string WhichGoBy(string transport) => $"전송 경로가 {transport}인 메일";
    public override string WhichTookRoute(string route) => $"라우트가 {route}인 메일";
    public override string WhichAreFrom(string pattern) => $"보낸 사람이 {pattern}인 메일";
    public override string WhichAreTo(string pattern) => $"받는 사람이 {pattern}인 메일";
    public override string WhichAreOfDomain(string domain) => $"발신 도메인이 {domain}인 메일";
    public override string WhichArrivedBefore(string moment) => $"{moment} 이전에 도착한 메일";
    public override string WhichArrivedAfter(string moment) => $"{moment} 이후에 도착한 메일";
    public override string WhichWereMarked => "선택한 메시지";

    public override string WhatIsMeant => "대상";
    public override string AllOfThese => "아래 조건을 모두 만족하는 수신자:";
    public override string Concerned(int recipients, int messages) =>
        $"메시지 {Number(messages)}건, 수신자 {Number(recipients)}명이 대상입니다.";
    public override string ConcernedMoreThan(int recipients) =>
        $"대상 수신자가 {Number(recipients)}명을 넘습니다. 나머지는 세지 않았습니다.";
    public override string ConcernsNone => "지금은 대상이 없습니다.";
    public override string CountAll => "전체 세기";
    public override string SampleOfThem => "가장 오래된 메시지";
    public override string BackToQueue => "큐로 돌아가기";
    public override string NothingToAct => "선택한 메시지가 없거나 주소가 올바르지 않습니다.";
    public override string WhyTitle(string id) => $"{id} 대기 이유";
    public override string WhyNobody => "이 메시지에 대한 기록이 없습니다.";
    public override string MessageHistory => "전체 이력";
}
